"""When an outage began and ended: posteriors over its possible times, as quantiles.

Complaints rise to a plateau within minutes of the onset, ``1 - exp(-t / rise)``, and
after the end, when the service is back, they fall like ``exp(-t / decay)``. Candidate
times, time constants and heights of the plateau are weighed by the likelihood of the
counts (uniform priors), and the quantiles of the time are given. The noise of neighbouring
bins is shared, so the log-likelihood is multiplied by a power below 1, which was set so
that the intervals hold on simulated outages (benchmarks/detection, tuning seeds).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from miner.detector.evidence import log_likelihood

Floats = NDArray[np.float64]

_QUANTILES: Final = (0.05, 0.5, 0.95)
_RISES: Final = np.array([0.2, 0.6, 1.5, 3.0, 8.0, 20.0])
#: Most outages are told within minutes; some spread over regions as they wake.
_RISE_ODDS: Final = np.log([1.0, 1.0, 1.0, 1.0, 0.3, 0.3])
_RISEN: Final = 3.0
_DECAYS: Final = np.array([2.0, 4.0, 7.0, 12.0, 20.0])
#: Heights of the plateau, as multiples of what was seen after a likely onset.
_HEIGHTS: Final = np.array([0.6, 0.8, 1.0, 1.3, 1.8])
#: The plateau before a candidate end is measured over the last so many minutes.
_PLATEAUS: Final = np.array([10.0, 45.0])
#: Slow noise of a plateau, relative variance, on top of that around a level that is tracked.
PLATEAU_ALPHA: Final = 0.1
#: Candidates further than this below the best (in nats) are left out.
_NEGLIGIBLE: Final = 12.0
_MOST_POINTS: Final = 240
ONSET_POWER: Final = 1.0
END_POWER: Final = 0.15


class Estimate(NamedTuple):
    """A time with its 90 % interval, in bins from the start of the arrays."""

    low: float
    at: float
    high: float


def onset(y: Floats, mean: Floats, llr: Floats, phi: float, alpha: float, width: float) -> Estimate:
    """Onset of an outage that lasts at the last bin.

    Args:
        y: counts; ``nan`` where not watched.
        mean: expected counts without an outage.
        llr: evidence of each bin, shape (bins, ratios).
        phi: of the noise.
        alpha: of the noise.
        width: of a bin, in minutes.
    """
    sums = np.cumsum(llr[::-1], axis=0)[::-1]
    logs = np.logaddexp.reduce(sums, axis=1)
    likely = np.flatnonzero(logs > logs.max() - _NEGLIGIBLE)
    first = max(0, int(likely[0]) - int(np.ceil(4 / width)) - 1)
    last = int(likely[-1]) + 1
    until = min(len(y), last + int(np.ceil(12 / width)) + 2)
    best = int(np.argmax(logs))
    settled = slice(min(best + int(np.ceil(3 / width)), len(y) - 1), until)
    height = max(1.3, (np.nansum(y[settled]) + 0.5) / (np.nansum(mean[settled]) + 0.5))
    step = -(-(until - first) // _MOST_POINTS)
    counts, expected = _sums(y[first:until], mean[first:until], step)
    n_times = min(4 * (last - first), _MOST_POINTS)
    times = np.linspace(0, (last - first) / step, n_times + 1)
    spacing = times[1] - times[0]
    bins = np.arange(len(counts))
    rises = _RISES[None, :, None] / (width * step)
    shape = _rising(bins[None, None, :] - times[:, None, None], rises)
    fits = []
    for factor in _HEIGHTS:
        above = max(height * factor, 1.2) - 1
        each = log_likelihood(counts, expected * (1 + above * shape), phi, alpha)
        fits.append(ONSET_POWER * each.sum(axis=-1) + _RISE_ODDS)
    low, middle, high = _quantiles(np.logaddexp.reduce(fits, axis=(0, 2)))
    edges = times[low] - spacing / 2, times[middle], times[high] + spacing / 2
    return Estimate(*(float(first + step * edge) for edge in edges))


def _rising(after: Floats, rise: Floats) -> Floats:
    """Mean over bins of 1 - exp(-t / rise), by the start of the bin after the onset."""
    start, stop = np.maximum(after, 0), np.maximum(after + 1, 0)
    mean: Floats = (stop - start) - rise * (np.exp(-start / rise) - np.exp(-stop / rise))
    return mean


def end(y: Floats, mean: Floats, phi: float, alpha: float, width: float) -> Estimate:
    """End of an outage from its counts, the first in the outage, the last back to normal."""
    fits, step = _ends(y, mean, phi, alpha, width, 0)
    rough = np.logaddexp.reduce(fits, axis=0)
    first = int(np.flatnonzero(rough > rough.max() - _NEGLIGIBLE)[0]) * step
    first = max(0, first - int(np.ceil(_PLATEAUS[-1] / width)))
    if step == 1:
        first = 0
    else:
        fits, step = _ends(y, mean, phi, alpha, width, first)
    low, middle, high = _quantiles(np.logaddexp.reduce(fits, axis=0))
    at = (first + step * (edge + 1) for edge in (low, middle, high))
    return Estimate(next(at) - step / 2, float(next(at)), next(at) + step / 2)


def _ends(
    y: Floats, mean: Floats, phi: float, alpha: float, width: float, first: int
) -> tuple[Floats, int]:
    """Log-likelihood of an end before each bin but the first, and the bins of a step."""
    step = max(1, -(-(len(y) - first) // _MOST_POINTS))
    counts, expected = _sums(y[first:], mean[first:], step)
    width *= step
    n = len(counts)
    ends = np.arange(1, max(n, 2))
    n = max(n, 1)
    sums, totals = (np.concatenate([[0.0], np.cumsum(v)]) for v in (counts, expected))
    stops = np.minimum(ends, n)
    begun = min(round(_RISEN / width), max(0, n - 2))
    after = np.arange(n)[None, :] - ends[:, None]
    late = np.maximum(after, 0)
    fits = []
    for plateau in np.maximum(1, np.round(_PLATEAUS / width)).astype(int):
        # The minutes in which complaints still rose are no part of the plateau.
        starts = np.minimum(np.maximum(stops - plateau, begun), stops - 1)
        height = (sums[stops] - sums[starts] + 0.5) / (totals[stops] - totals[starts] + 0.5)
        above = np.maximum(height, 1.2)[:, None] - 1
        for decay in _DECAYS / width:
            falling = decay * (np.exp(-late / decay) - np.exp(-(late + 1) / decay))
            lifted = expected * (1 + above * np.where(after < 0, 1.0, falling))
            each = log_likelihood(counts, lifted, phi, alpha + PLATEAU_ALPHA)
            fits.append(each.sum(axis=1))
    return END_POWER * np.array(fits), step


def _sums(y: Floats, mean: Floats, step: int) -> tuple[Floats, Floats]:
    """Counts and expected counts of ``step`` bins each, of what was watched."""
    known = ~np.isnan(y) & ~np.isnan(mean)
    edges = np.arange(0, len(y), step)
    counts, expected = (
        np.add.reduceat(np.where(known, values, 0.0), edges) for values in (y, mean)
    )
    return counts, expected


def _quantiles(logs: Floats) -> tuple[int, int, int]:
    weights = np.exp(logs - logs.max())
    total = np.cumsum(weights)
    low, middle, high = (int(np.searchsorted(total, q * total[-1])) for q in _QUANTILES)
    last = len(logs) - 1
    return min(low, last), min(middle, last), min(high, last)
