"""Evidence for an outage: likelihood ratios, their running mixture, the published limit.

A bin's count y has the mean m when all is well and ``R m`` in an outage of ratio R; both
are negative binomial with the same size r. The evidence of all bins so far is kept for
each ratio by the recursion of Shiryaev and Roberts, in logs:
``l ← min(log(w + exp(l)) + LLR, cap)``, where w is the width of a bin in minutes, so that
the score means the same at any width. Its ratios are mixed as in Pollak and Siegmund
(1975). The cap says how far noise alone can carry: intensity that wanders slowly with
relative variance alpha looks like a shift of R for a while with log odds
``(log R)² / (2 alpha)``, however many bins agree.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Ratios of an outage to the expected level that are looked for.
RATIOS: Final = np.array([1.6, 2.2, 3.0, 5.0, 8.0, 15.0, 30.0, 80.0, 250.0])
_LOG_RATIOS: Final = np.log(RATIOS)
_LOG_N: Final = float(np.log(len(RATIOS)))
#: No single ratio gathers more than this: old evidence must not outlive its cause.
MOST: Final = 40.0
_LEAST_SIZE: Final = 1e-6


def sizes(mean: Floats, phi: Floats, alpha: Floats, leak: Floats | None = None) -> Floats:
    """Size r of the negative binomial whose variance is ``phi m + alpha m²``.

    ``leak`` is the part of the mean that talk explains; it is known to a third only, which
    adds ``(leak / 3)²`` to the variance.
    """
    if leak is None:
        return np.maximum(mean / (phi - 1.0 + alpha * mean), _LEAST_SIZE)
    calm = mean - leak
    beyond = (phi - 1.0) * mean + alpha * calm**2 + (leak / 3.0) ** 2
    return np.maximum(mean**2 / np.maximum(beyond, 1e-12), _LEAST_SIZE)


def ratios_of(y: Floats, mean: Floats, size: Floats, leak: Floats | None = None) -> Floats:
    """Log-likelihood ratio of each count for each of :data:`RATIOS`.

    Args:
        y: counts, any shape; ``nan`` gives 0.
        mean: expected counts, leak included.
        size: of :func:`sizes`.
        leak: the part of the mean that an outage does not multiply.

    Returns:
        One more axis than ``y``, of the ratios, at the end.
    """
    return one_ratio(y[..., None], mean[..., None], size[..., None], RATIOS, leak)


def one_ratio(
    y: Floats, mean: Floats, size: Floats, ratio: Floats, leak: Floats | None = None
) -> Floats:
    """Log-likelihood ratio of counts for given ratios, all shapes broadcast."""
    if leak is None:
        lifted, logs = mean * ratio, np.log(ratio)
    else:
        lifted = (mean - leak[..., None]) * ratio + leak[..., None]
        logs = np.log(lifted / np.maximum(mean, 1e-12))
    more = np.log1p((lifted - mean) / (size + mean))
    found: Floats = y * (logs - more) - size * more
    return np.where(np.isnan(found), 0.0, found)


def caps(alpha: Floats) -> Floats:
    """How much evidence each ratio may gather, given the slow noise; shape (…, ratios)."""
    return np.minimum(MOST, _LOG_RATIOS**2 / (2.0 * np.maximum(alpha[..., None], 0.01)))


def run(evidence: Floats, llr: Floats, watched: NDArray[np.bool_], cap: Floats, w: float) -> Floats:
    """Evidence after each bin of a block.

    Args:
        evidence: before the block, shape (services, ratios); overwritten with that after it.
        llr: shape (services, bins, ratios).
        watched: shape (services, bins); a bin not watched leaves the evidence as it is.
        cap: of :func:`caps`, shape (services, ratios).
        w: width of a bin in minutes.

    Returns:
        Shape (services, bins, ratios).
    """
    after = np.empty_like(llr)
    fresh = np.where(watched, np.log(w), -np.inf)
    for at in range(llr.shape[1]):
        step = np.logaddexp(evidence, fresh[:, at, None])
        step += llr[:, at]
        np.minimum(step, cap, out=evidence)
        after[:, at] = evidence
    return after


def score(evidence: Floats) -> Floats:
    """Log of the mean over ratios of exp(evidence): the score."""
    top = evidence.max(axis=-1)
    safe = np.maximum(top, -700.0)
    total = np.exp(evidence - safe[..., None]).sum(axis=-1)
    return np.maximum(safe + np.log(np.maximum(total, 1e-300)) - _LOG_N, 0.0)


def limit(mean: Floats, size: Floats, cap: Floats, threshold: Floats, w: float) -> Floats:
    """The smallest count of one bin that would alarm with no evidence before it.

    Args:
        mean: expected counts, shape (services, bins).
        size: of :func:`sizes`, same shape.
        cap: shape (services, ratios).
        threshold: shape (services,).
        w: width of a bin in minutes.
    """
    need = threshold[:, None] + _LOG_N - np.log(w)
    more = np.log1p(mean[..., None] * (RATIOS - 1) / (size + mean)[..., None])
    counts = (need[..., None] + size[..., None] * more) / (_LOG_RATIOS - more)
    reachable = cap >= threshold[:, None] + _LOG_N
    reachable[:, -1] = True  # a limit is always given
    return np.where(reachable[:, None, :], counts, np.inf).min(axis=-1)
