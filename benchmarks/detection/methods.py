"""What others do, as scores on bins of five minutes; and an oracle on minutes.

Numpy twins: EARS C1 to C3 (Hutwagner et al. 2003), Farrington's 2/3-power residual with
one reweighting (Farrington et al. 1996; Noufaily et al. 2013) on the same time of 14 days,
an exponentially weighted rule as of Motoyama et al. 2010, a moving z-score of a day, the
ratio to the mean of the time of day. The oracle knows the true mean and noise.
"""

from __future__ import annotations

import numpy as np

import ours
from miner.detector import evidence as ev
from miner.testing.simulate import Simulated

STEP = 5
_DAY = 1440 // STEP


def _counts(sim: Simulated) -> np.ndarray:
    y, coverage, _ = ours.binned(sim, STEP)
    return np.where(coverage > 0, y, np.nan)


def _lagged(y: np.ndarray, lags: range) -> np.ndarray:
    """Stack of earlier bins, shape (lags, services, bins); nan before the start."""
    parts = []
    for lag in lags:
        part = np.full(y.shape, np.nan, dtype=np.float32)
        part[:, lag:] = y[:, :-lag]
        parts.append(part)
    return np.stack(parts)


def _z(y: np.ndarray, past: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        mean, sd = np.nanmean(past, axis=0), np.nanstd(past, axis=0, ddof=1)
        return np.nan_to_num((y - mean) / np.maximum(sd, 0.5))


def ears_c1(y: np.ndarray) -> np.ndarray:
    """Deviations from the seven bins before."""
    return _z(y, _lagged(y, range(1, 8)))


def ears_c2(y: np.ndarray) -> np.ndarray:
    """Deviations from seven bins, two bins back."""
    return _z(y, _lagged(y, range(3, 10)))


def ears_c3(y: np.ndarray) -> np.ndarray:
    """Sum of the last three deviations of C2 above one."""
    over = np.maximum(0, ears_c2(y) - 1)
    total = over.copy()
    for lag in (1, 2):
        total[:, lag:] += over[:, :-lag]
    return total


def farrington(y: np.ndarray) -> np.ndarray:
    """Residual on the 2/3-power scale against 14 days × 7 bins, outliers reweighted."""
    total, squares, weights = (np.zeros(y.shape) for _ in range(3))
    lags = [day * _DAY + shift for day in range(1, 15) for shift in range(-3, 4)]
    for lag in lags:
        _add(y, lag, None, total, squares, weights)
    mean = total / np.maximum(weights, 1)
    phi = np.maximum(1, (squares / np.maximum(weights, 1) - mean**2) / np.maximum(mean, 0.05))
    total, squares, weights = (np.zeros(y.shape) for _ in range(3))
    for lag in lags:
        _add(y, lag, mean + 2.58 * np.sqrt(phi * np.maximum(mean, 0.05)), total, squares, weights)
    mean = np.maximum(total / np.maximum(weights, 1), 0.02)
    phi = np.maximum(1, (squares / np.maximum(weights, 1) - mean**2) / mean)
    return np.nan_to_num(
        1.5 * (np.cbrt(y) ** 2 - np.cbrt(mean) ** 2) / mean ** (1 / 6) / np.sqrt(phi)
    )


def _add(
    y: np.ndarray,
    lag: int,
    most: np.ndarray | None,
    total: np.ndarray,
    squares: np.ndarray,
    weights: np.ndarray,
) -> None:
    past, here = y[:, :-lag], slice(lag, None)
    use = ~np.isnan(past)
    if most is not None:
        use &= past <= most[:, here]
    kept = np.where(use, past, 0.0)
    total[:, here] += kept
    squares[:, here] += kept**2
    weights[:, here] += use


def ewma(y: np.ndarray, keep: float = 0.9) -> np.ndarray:
    """Deviation from the exponentially weighted mean, in its weighted deviations."""
    mean, spread, out = np.zeros(len(y)), np.ones(len(y)), np.zeros(y.shape)
    for t in range(y.shape[1]):
        error = np.nan_to_num(y[:, t] - mean)
        out[:, t] = error / np.sqrt(spread + 0.25)
        mean = mean + (1 - keep) * error
        spread = keep * spread + (1 - keep) * error**2
    return out


def moving_z(y: np.ndarray) -> np.ndarray:
    """Deviation from the day before, in its deviations."""
    known = np.nan_to_num(y)
    sums = np.cumsum(known, axis=1), np.cumsum(known**2, axis=1)
    out = np.zeros(y.shape)
    mean, square = (
        (s[:, _DAY - 1 : -1] - np.pad(s, ((0, 0), (1, 0)))[:, : -_DAY - 1]) / _DAY for s in sums
    )
    out[:, _DAY:] = (known[:, _DAY:] - mean) / np.sqrt(np.maximum(square - mean**2, 0.25))
    return np.where(np.isnan(y), 0, out)


def ratio_of_day(y: np.ndarray) -> np.ndarray:
    """Ratio to the mean of the same time of 14 days."""
    total, squares, weights = (np.zeros(y.shape) for _ in range(3))
    for day in range(1, 15):
        _add(y, day * _DAY, None, total, squares, weights)
    return np.nan_to_num(y / (total / np.maximum(weights, 1) + 1.0))


METHODS = {
    "EARS C1": ears_c1,
    "EARS C2": ears_c2,
    "EARS C3": ears_c3,
    "Farrington flexible (twin)": farrington,
    "EWMA rule": ewma,
    "moving z, 24 h": moving_z,
    "ratio to time of day": ratio_of_day,
}


def scores(sim: Simulated, name: str) -> np.ndarray:
    """Scores of a method, shape (services, bins of five minutes)."""
    y = _counts(sim)
    return np.concatenate([METHODS[name](y[i : i + 10]) for i in range(0, len(y), 10)])


def oracle(sim: Simulated) -> np.ndarray:
    """The same evidence with the true mean and noise, by minutes."""
    n_services, n_minutes = sim.complaints.shape
    evidence = np.zeros((n_services, len(ev.RATIOS)))
    cap = ev.caps(sim.alpha)
    out = np.empty(sim.complaints.shape, dtype=np.float32)
    phi, alpha = np.maximum(sim.phi, 1.02)[:, None], sim.alpha[:, None]
    for first in range(0, n_minutes, 720):
        cut = slice(first, first + 720)
        coverage = sim.coverage[:, cut].astype(float)
        y = np.where(coverage > 0, sim.complaints[:, cut], np.nan)
        calm = sim.mu[:, cut] * coverage
        llr = ev.ratios_of(y, calm, np.zeros_like(calm), phi, alpha)
        top = np.full(coverage.shape, np.inf)
        out[:, cut] = ev.score(ev.run(evidence, llr, coverage > 0, cap, top, 1.0))
    return out
