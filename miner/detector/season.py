"""The season: a robust log-linear model of the hours of the last four weeks.

Quasi-likelihood regression (McCullagh and Nelder 1989, chapter 9) of hourly sums with
the log of the exposure as offset: four daily harmonics and a level for each day of the
week (in UTC), variance ``phi m + alpha m²``, a ridge on all but the constant. Hours that
stand out by their Anscombe residual (McCullagh and Nelder 1989, section 2.4) weigh less, as
in Farrington et al. (1996) and Noufaily et al. (2013), so that past outages leave the
baseline; newer hours weigh more. All services are fitted at once.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_WEEK_HOURS: Final = 168
HOURS: Final = 4 * _WEEK_HOURS
_DAILY: Final = 4
_WEEKDAYS: Final = 7
COLUMNS: Final = 1 + 2 * _DAILY + _WEEKDAYS
#: Penalties: harmonics are as good as free, days of the week differ by 15 % or so.
_HARMONIC_RIDGE: Final = 1.0
_WEEKDAY_RIDGE: Final = 1.0 / 0.15**2
_HALF_LIFE_HOURS: Final = 14 * 24.0
_LEAST_EXPOSURE: Final = 0.2
_ITERATIONS: Final = 6
#: Slow noise of an hour around its season: drift and noise of the intensity together.
_HOURLY_ALPHA: Final = 0.05
#: Watched hours from which on two and four daily harmonics and the days of the week are used.
_ENOUGH: Final = (36.0, 96.0, 240.0)
_NEVER: Final = 1e8


def design(minutes: Floats) -> Floats:
    """Columns of the model at minutes since 1970-01-01 UTC, shape (times, columns)."""
    day = 2 * np.pi * minutes / 1440.0
    columns = [np.ones_like(minutes)]
    for k in range(1, _DAILY + 1):
        columns += [np.cos(k * day), np.sin(k * day)]
    weekday = (minutes // 1440.0) % _WEEKDAYS
    columns += [(weekday == number).astype(np.float64) for number in range(_WEEKDAYS)]
    return np.stack(columns, axis=1)


def fit(sums: Floats, exposure: Floats, last_hour: int, start: Floats) -> Floats:
    """Coefficients of each service, shape (services, columns).

    Args:
        sums: complaints of each of the last hours, shape (services, hours), oldest first.
        exposure: watched hours (0 to 1) behind each sum; hours under 20 % are left out.
        last_hour: number of the last hour since 1970-01-01 UTC.
        start: coefficients to start from, of an earlier fit.
    """
    n_services = len(sums)
    age = np.arange(HOURS)[::-1]
    # The model repeats every week: sums over the four weeks are taken first, and by
    # einsum, whose order of adding does not depend on the number of threads.
    x = design(((last_hour - age[-_WEEK_HOURS:] + 0.5) * 60.0).astype(np.float64))
    recent = 0.5 ** (age / _HALF_LIFE_HOURS)
    used = np.where(exposure >= _LEAST_EXPOSURE, exposure, 0.0)
    weight = (used > 0) * recent
    ridge = _ridge((used > 0).sum(axis=1))
    held = ridge >= _NEVER
    level = np.log(
        ((sums * weight).sum(axis=1) + 0.5) / np.maximum((used * weight).sum(axis=1), 0.5)
    )
    beta = np.where(held, 0.0, start)
    beta[:, 0] = np.where(start.any(axis=1), beta[:, 0], level)
    squares = (x[:, :, None] * x[:, None, :]).reshape(_WEEK_HOURS, -1)
    for _ in range(_ITERATIONS):
        rate = np.exp(np.clip(np.einsum("sc,hc->sh", beta, x), -15.0, 15.0))
        mean = used * np.tile(rate, HOURS // _WEEK_HOURS)
        safe = np.maximum(mean, 1e-9)
        spread = 1.3 + _HOURLY_ALPHA * mean
        trust = weight * _trust(sums, safe, spread, used > 0) / spread
        surplus = _by_week(trust * (sums - mean))
        gradient = np.einsum("sh,hc->sc", surplus, x) - np.where(held, 0.0, ridge * beta)
        hessian = np.einsum("sh,hc->sc", _by_week(trust * mean), squares)
        hessian = hessian.reshape(n_services, COLUMNS, COLUMNS)
        hessian += (ridge + 1e-3)[:, :, None] * np.eye(COLUMNS)
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        beta = beta + np.clip(step, -1.0, 1.0)
    return beta


def _by_week(values: Floats) -> Floats:
    """Sums over weeks of hourly values, shape (services, hours of a week)."""
    summed: Floats = values.reshape(len(values), -1, _WEEK_HOURS).sum(axis=1)
    return summed


def _ridge(watched: NDArray[np.int64]) -> Floats:
    """Penalties: columns that the history is too short for are held at zero."""
    ridge = np.full((len(watched), COLUMNS), _HARMONIC_RIDGE)
    ridge[:, 0] = 0.0
    ridge[:, 1 + 2 * _DAILY :] = _WEEKDAY_RIDGE
    two, four, weekly = (watched < enough for enough in _ENOUGH)
    ridge[two, 1:5] = _NEVER
    ridge[four, 5 : 1 + 2 * _DAILY] = _NEVER
    ridge[weekly, 1 + 2 * _DAILY :] = _NEVER
    return ridge


def _trust(sums: Floats, mean: Floats, spread: Floats, used: NDArray[np.bool_]) -> Floats:
    """Robust weight of each hour: 1, and (2.58 / residual)² beyond 2.58 deviations."""
    residual = 1.5 * (np.cbrt(sums) ** 2 - np.cbrt(mean) ** 2) / mean ** (1 / 6) / np.sqrt(spread)
    scale = np.sqrt(np.minimum((residual**2), 9.0).sum(axis=1) / np.maximum(used.sum(axis=1), 1))
    far = residual / np.maximum(scale, 1.0)[:, None]
    weights: Floats = np.where(far > 2.58, (2.58 / np.maximum(far, 2.58)) ** 2, 1.0)
    return weights
