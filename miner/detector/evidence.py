"""Evidence for an outage: likelihood ratios, their running mixture, the published limit.

A bin's count y has the mean m when all is well and ``R m`` in an outage of ratio R; both
are negative binomial with the variance ``phi m + alpha m²`` of their own mean. The
evidence of all bins so far is kept for each ratio by the recursion of Shiryaev and
Roberts:
``l ← min((w + l) exp(LLR), exp(cap))``, where w is the width of a bin in minutes, so that
the score means the same at any width. Its ratios are mixed as in Pollak and Siegmund
(1975). The cap says how far noise alone can carry: intensity that wanders slowly with
relative variance alpha looks like a shift of R for a while with log odds
``(log R)² / (2 alpha)``, however many bins agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]

#: Ratios of an outage to the expected level that are looked for.
RATIOS: Final = np.array([1.6, 2.2, 3.0, 5.0, 8.0, 15.0, 30.0, 80.0, 250.0])
_WITH_NONE: Final = np.concatenate([[1.0], RATIOS])
_LOG_RATIOS: Final = np.log(RATIOS)
#: No single ratio gathers more than this: old evidence must not outlive its cause.
MOST: Final = 40.0
_LEAST_SIZE: Final = 1e-6
#: Fractions of a range of counts, in logs, that are tried for the published limit.
_GRID: Final = np.linspace(0.0, 1.0, 25)
_FEW: Final = 2000
#: Evidence of one bin beyond which it makes no difference, in nats; exp() of it is finite.
_HIGHEST: Final = 300.0


def size_of(mean: Floats, phi: Floats, alpha: Floats, level: Floats, leak: Floats) -> Floats:
    """Size of the negative binomial of a mean whose part ``level`` follows the intensity.

    The variance is ``phi mean + alpha level² + (leak / 3)²``: complaints that talk explains
    are known to a third only.
    """
    beyond = (phi - 1.0) * mean + alpha * level**2 + (leak / 3.0) ** 2
    return np.maximum(mean**2 / np.maximum(beyond, 1e-12), _LEAST_SIZE)


def ratios_of(
    y: Floats,
    calm: Floats,
    leak: Floats,
    phi: Floats,
    alpha: Floats,
    ratios: Floats = RATIOS,
) -> Floats:
    """Log-likelihood ratio of each count for each ratio.

    Args:
        y: counts, any shape; ``nan`` gives 0.
        calm: expected counts that an outage multiplies; ``nan`` gives 0.
        leak: expected counts that talk explains, which it does not multiply.
        phi: of the noise, broadcast to ``y``.
        alpha: of the noise, broadcast to ``y``.
        ratios: of the outages that are compared with none.

    Returns:
        One more axis than ``y``, of the ratios, at the end.
    """
    usable = ~np.isnan(y + calm)
    count = np.where(usable, y, 0.0)[..., None]
    base = np.where(usable, np.maximum(calm, 1e-9), 1.0)[..., None]
    talk = leak[..., None]
    level = base * (_WITH_NONE if ratios is RATIOS else np.concatenate([[1.0], ratios]))
    mean = level + talk
    size = size_of(mean, phi[..., None], alpha[..., None], level, talk)
    odds = mean / size
    share = np.log1p(odds)
    logs = _rising(size, count) + count * (np.log(odds) - share) - size * share
    found: Floats = (logs[..., 1:] - logs[..., :1]) * usable[..., None]
    return found


def log_likelihood(y: Floats, mean: Floats, phi: float, alpha: float) -> Floats:
    """Log-likelihood of counts with given means, up to a term of the counts alone.

    ``nan`` counts and bins in which nothing is expected give 0; shapes are broadcast.
    """
    usable = ~np.isnan(y) & (mean > 0)
    count, safe = np.where(usable, y, 0.0), np.where(usable, mean, 1.0)
    size = safe / np.maximum(phi - 1.0 + alpha * safe, 1e-6)
    share = np.log1p(safe / size)
    logs = _rising(size, count) + count * (np.log(safe / size) - share) - size * share
    likelihood: Floats = np.where(usable, logs, 0.0)
    return likelihood


def _rising(size: Floats, count: Floats) -> Floats:
    """Log of size (size + 1) … (size + count - 1): the gamma functions of the likelihood."""
    if size.size < _FEW:
        whole: Floats = gammaln(count + size) - gammaln(size)
        return whole
    # Most counts of quiet services are 0, for which the sum is empty.
    rising = np.zeros_like(size)
    some = np.broadcast_to(count > 0, size.shape)
    at = size[some]
    rising[some] = gammaln(np.broadcast_to(count, size.shape)[some] + at) - gammaln(at)
    return rising


def caps(alpha: Floats) -> Floats:
    """How much evidence each ratio may gather, given the slow noise; shape (…, ratios)."""
    most: Floats = np.minimum(MOST, _LOG_RATIOS**2 / (2.0 * np.maximum(alpha[..., None], 0.01)))
    return most


def run(
    evidence: Floats,
    llr: Floats,
    watched: NDArray[np.bool_],
    cap: Floats,
    ceiling: Floats,
    w: float,
) -> Floats:
    """Evidence after each bin of a block.

    Args:
        evidence: before the block, shape (services, ratios); overwritten with that after it.
        llr: shape (services, bins, ratios).
        watched: shape (services, bins); a bin not watched leaves the evidence as it is.
        cap: of :func:`caps`, shape (services, ratios).
        ceiling: of each bin, whatever the ratio, shape (services, bins).
        w: width of a bin in minutes.

    Returns:
        Shape (services, bins, ratios).
    """
    gain = np.exp(np.minimum(llr, _HIGHEST))
    after = np.empty_like(llr)
    fresh = np.where(watched, w, 0.0)
    now = evidence
    most = np.exp(np.minimum(cap[:, None, :], ceiling[:, :, None]))
    for at in range(llr.shape[1]):
        step = after[:, at]
        np.add(now, fresh[:, at, None], out=step)
        step *= gain[:, at]
        np.minimum(step, most[:, at], out=step)
        now = step
    evidence[:] = now
    return after


def score(evidence: Floats) -> Floats:
    """Log of the mean over ratios of the evidence, at least 0: the score."""
    mean = evidence.mean(axis=-1)
    found: Floats = np.log(np.maximum(mean, 1.0))
    return found


def limit(
    mean: Floats,
    phi: Floats,
    alpha: Floats,
    cap: Floats,
    ceiling: Callable[[Floats], Floats],
    threshold: Floats,
    w: float,
) -> Floats:
    """The smallest count of one bin that would alarm with no evidence before it, about.

    Args:
        mean: expected counts of a service, shape (services,).
        phi: of the noise, same shape.
        alpha: of the noise, same shape.
        cap: shape (services, ratios).
        ceiling: most evidence of one bin by its ratio to the mean, shape (services, counts).
        threshold: shape (services,).
        w: width of a bin in minutes.
    """
    least = np.maximum(mean, 1e-9)
    low, high = least, 300.0 * mean + 60.0
    at = np.arange(len(mean))
    for _ in range(2):
        counts = low[:, None] * (high / low)[:, None] ** _GRID
        llr = ratios_of(
            counts,
            np.broadcast_to(mean[:, None], counts.shape),
            np.zeros_like(counts),
            phi[:, None],
            alpha[:, None],
        )
        most = np.minimum(cap[:, None, :], ceiling(counts / least[:, None])[:, :, None])
        gathered = np.exp(np.minimum(np.log(w) + llr, most))
        quiet = score(gathered) < threshold[:, None]
        last = np.minimum(quiet.sum(axis=1), len(_GRID) - 1)
        low, high = counts[at, np.maximum(last - 1, 0)], counts[at, last]
    return high
