"""Values with 95 % intervals: shares, rates, quantiles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A value with a 95 % interval; all three are ``nan`` where it is undefined."""

    value: float
    low: float = math.nan
    high: float = math.nan


def share(hits: int, n: int) -> Figure:
    """A share with its Wilson interval (Wilson 1927); undefined for nothing.

    >>> share(9, 10)
    Figure(value=0.9, low=0.5958..., high=0.9821...)
    """
    if n == 0:
        return Figure(math.nan)
    z, p = 1.959964, hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Figure(p, max(0.0, middle - half), min(1.0, middle + half))


def rate(events: int, exposure: float) -> Figure:
    """Events a unit of exposure with the exact Poisson interval (Garwood 1936).

    >>> rate(0, 10.0)
    Figure(value=0.0, low=0.0, high=0.368...)
    """
    from scipy.stats import chi2

    if exposure <= 0:
        return Figure(math.nan)
    low = chi2.ppf(0.025, 2 * events) / 2 if events else 0.0
    high = chi2.ppf(0.975, 2 * events + 2) / 2
    return Figure(events / exposure, float(low / exposure), float(high / exposure))


def quantile(values: Floats, q: float) -> Figure:
    """A quantile with the interval of order statistics; infinite values may be among them.

    >>> quantile(np.array([1.0, 2.0, 3.0, np.inf]), 0.5).value
    2.0
    """
    from scipy.stats import binom

    n = len(values)
    if n == 0:
        return Figure(math.nan)
    ordered = np.sort(values)
    low, high = binom.ppf([0.025, 0.975], n, q)
    middle = ordered[min(n - 1, max(0, math.ceil(q * n) - 1))]
    return Figure(
        float(middle), float(ordered[max(0, int(low) - 1)]), float(ordered[min(n - 1, int(high))])
    )
