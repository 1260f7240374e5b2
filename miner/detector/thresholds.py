"""Scores at which to alarm, for a number of false alarms: the one dial of the detector.

The numbers come from replay, not from theory: ``thresholds.json`` holds the scores that
outage-free simulated years reach so often, by width of a bin and rate of a service; it is
written by ``python benchmarks/detection/calibrate.py``.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from miner.errors import UsageError

Floats = NDArray[np.float64]

DEFAULT: Final = "1/year"
_A_YEAR: Final = {"year": 1.0, "month": 12.0, "week": 365.25 / 7, "day": 365.25}
_LEAST, _MOST = 0.02, 365.25
#: A bin is watched with care when its score is that of so many times the false alarms.
_WATCH: Final = 50.0


def parse(text: str) -> float:
    """False alarms a year and service of a text such as "1/year" or "2/month".

    >>> parse("1/year"), parse("2/month")
    (1.0, 24.0)

    Raises:
        UsageError: no such text, or outside 0.02 a year to 1 a day.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*/\s*(year|month|week|day)\s*", text)
    if not found:
        raise UsageError(f'"{text}" is no rate of false alarms; write it as 1/year or 2/month')
    a_year = float(found[1]) * _A_YEAR[found[2]]
    if not _LEAST <= a_year <= _MOST + 0.01:
        raise UsageError(f'"{text}" is outside 0.02/year to 1/day a service')
    return a_year


class Thresholds:
    """Alarm and watch thresholds of services by their rates.

    Args:
        a_year: false alarms a service and year.
        width: of a bin, in minutes.
    """

    def __init__(self, a_year: float, width: float) -> None:
        self._alarm = _by_rate(a_year, width)
        self._watch = _by_rate(min(_MOST, a_year * _WATCH), width)
        self._rates = np.log(_table()[2])
        daily, monthly = (_by_rate(often, width, "usual") for often in (_MOST, 12.0))
        self._daily, self._scale = daily, (monthly - daily) / np.log(_MOST / 12.0)

    def __call__(self, rates: Floats) -> tuple[Floats, Floats]:
        """Thresholds for services of so many complaints a minute."""
        logs = np.log(np.maximum(rates, 1e-9))
        return np.interp(logs, self._rates, self._alarm), np.interp(logs, self._rates, self._watch)

    def usual(self, rates: Floats) -> tuple[Floats, Floats]:
        """Raw scores that simulated services reach once a day, and the scale of the tail."""
        logs = np.log(np.maximum(rates, 1e-9))
        return np.interp(logs, self._rates, self._daily), np.interp(logs, self._rates, self._scale)


@cache
def _table(name: str = "thresholds") -> tuple[Floats, Floats, Floats, Floats]:
    """Levels (a year), widths (minutes), rates (a minute), thresholds [width, rate, level]."""
    text = resources.files("miner.detector").joinpath("thresholds.json").read_text("utf-8")
    value = json.loads(text)
    table = value.get(name, value["thresholds"])
    widths = list(table)
    rates = list(table[widths[0]])
    numbers = np.array([[table[width][rate] for rate in rates] for width in widths])
    levels = np.array(value["false_alarms_a_year"], dtype=float)
    return levels, np.array(widths, dtype=float), np.array(rates, dtype=float), numbers


def _by_rate(a_year: float, width: float, name: str = "thresholds") -> Floats:
    """Threshold of each tabled rate, interpolated in logs of level and width."""
    levels, widths, rates, numbers = _table(name)
    at, known = np.log(a_year), np.log(levels)[::-1]
    scores = np.empty((len(widths), len(rates)))
    for i in range(len(widths)):
        for j in range(len(rates)):
            values = numbers[i, j][::-1]
            # Rarer than tabled: on along the last stretch.
            slope = (values[1] - values[0]) / (known[1] - known[0])
            beyond = values[0] + slope * (at - known[0])
            scores[i, j] = beyond if at < known[0] else np.interp(at, known, values)
    where = np.log(np.clip(width, widths[0], widths[-1]))
    return np.array([np.interp(where, np.log(widths), scores[:, j]) for j in range(len(rates))])
