"""When an outage began and ended: posteriors over the bins, as quantiles."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_QUANTILES: Final = (0.05, 0.5, 0.95)
#: Time constants of the decay after the end that are tried, in minutes.
_DECAYS: Final = (2.0, 4.0, 7.0, 12.0, 20.0)
#: The plateau before a candidate end is measured over this many minutes.
_PLATEAU_MINUTES: Final = 45.0
_POINTS: Final = 240
#: Minutes before the end was called in which it is looked for.
END_WINDOW: Final = 240.0
#: Neighbouring bins share their noise, so their evidence counts less than its sum.
#: Set so that the intervals hold on the tuning seeds of benchmarks/detection.
ONSET_POWER: Final = 1.0
END_POWER: Final = 0.5


class Estimate(NamedTuple):
    """A time with its 90 % interval, in bins from the start of the arrays."""

    low: float
    at: float
    high: float


def onset(llr: Floats) -> Estimate:
    """Onset from likelihood ratios, shape (bins, ratios), the last bin in the outage.

    The weight of a bin is the mean over ratios of the likelihood of an outage from that
    bin on (Shiryaev 1963; a uniform prior over bins and ratios).
    """
    sums = np.cumsum(llr[::-1], axis=0)[::-1]
    top = sums.max(axis=1)
    logs = top + np.log(np.exp(sums - top[:, None]).mean(axis=1))
    low, middle, high = _quantiles(ONSET_POWER * logs)
    return Estimate(low, middle, high + 1)


def end(y: Floats, mean: Floats, phi: float, alpha: float, width: float) -> Estimate:
    """End of a plateau that decays exponentially to the expected level.

    Args:
        y: counts from the onset to the call of the end; ``nan`` where not watched.
        mean: expected counts.
        phi: of the noise.
        alpha: of the noise.
        width: of a bin, in minutes.
    """
    first = max(0, len(y) - max(3, round(END_WINDOW / width)))
    y, mean = y[first:], mean[first:]
    step = -(-len(y) // _POINTS)
    y, mean, width = _coarser(y, mean, step), _coarser(mean, mean, step), width * step
    watched = ~np.isnan(y)
    counts, expected = np.where(watched, y, 0.0), np.where(watched, mean, 0.0)
    n = len(y)
    ends = np.arange(1, n)
    if n < 3:
        return Estimate(first, float(first + n * step), float(first + n * step))
    plateau = max(1, round(_PLATEAU_MINUTES / width))
    starts = np.maximum(0, ends - plateau)
    sums, totals = (np.concatenate([[0.0], np.cumsum(v)]) for v in (counts, expected))
    ratio = (sums[ends] - sums[starts] + 0.5) / (totals[ends] - totals[starts] + 0.5)
    ratio = np.maximum(ratio, 1.05)
    typical = float(np.median(ratio)) * expected.mean()
    size = max(typical / (phi - 1 + alpha * typical), 1e-6)
    after = np.arange(n)[None, :] + 0.5 - ends[:, None]
    logs = []
    for decay in _DECAYS:
        shape = np.where(after < 0, 1.0, np.exp(-np.maximum(after, 0) * width / decay))
        lifted = np.maximum(expected * (1 + (ratio[:, None] - 1) * shape), 1e-9)
        terms = counts * np.log(lifted) - (counts + size) * np.log(size + lifted)
        logs.append(np.where(watched, terms, 0.0).sum(axis=1))
    low, middle, high = _quantiles(END_POWER * np.logaddexp.reduce(logs, axis=0))
    return Estimate(*(first + step * (edge + 0.5 + more) for edge, more in
                      ((low, 0.0), (middle, 0.5), (high, 1.0))))


def _coarser(values: Floats, like: Floats, step: int) -> Floats:
    """Sums over ``step`` bins, the last ones filled with expected values."""
    if step == 1:
        return values
    short = -len(values) % step
    filled = np.concatenate([values, np.repeat(like[-1:], short)])
    summed: Floats = filled.reshape(-1, step).sum(axis=1)
    return summed


def _quantiles(logs: Floats) -> tuple[int, int, int]:
    weights = np.exp(logs - logs.max())
    total = np.cumsum(weights)
    low, middle, high = (int(np.searchsorted(total, q * total[-1])) for q in _QUANTILES)
    last = len(logs) - 1
    return min(low, last), min(middle, last), min(high, last)
