"""Bins and watched intervals: all arithmetic on times, in microseconds since 1970 UTC."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from miner.errors import NaiveTimeError, UsageError
from miner.post import UTC_DTYPE

SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
WEEK: Final = 7 * DAY
#: Weeks begin on Monday 00:00 UTC; 1970-01-01 was a Thursday.
_FIRST_MONDAY: Final = 4 * DAY

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Frequency:
    """Width of a bin and the time that bins are counted from, both in microseconds."""

    text: str
    width: int
    origin: int = 0

    def floor(self, when: int) -> int:
        """Start of the bin that holds the time."""
        return when - (when - self.origin) % self.width

    def ceil(self, when: int) -> int:
        """Start of the first bin at or after the time."""
        return when + (self.origin - when) % self.width


def frequency(text: str) -> Frequency:
    """Frequency of a pandas text such as "30s", "5min", "1h", "1D" or "1W".

    Raises:
        UsageError: not a frequency, not a fixed width, or not within 1 s to 1 week.
    """
    week = re.fullmatch(r"\s*(\d*)\s*W(?:-MON)?\s*", text)
    try:
        width = (
            int(week.group(1) or 1) * WEEK
            if week
            else pd.Timedelta(text if re.match(r"\s*\d", text) else f"1{text}").value // 1_000
        )
    except (ValueError, OverflowError):
        raise UsageError(
            f'"{text}" is not a frequency; use a number and s, min, h, D or W, such as "5min"'
        ) from None
    if not SECOND <= width <= WEEK:
        raise UsageError(f'"{text}" is outside 1 second to 1 week; use e.g. "1s", "5min" or "1W"')
    return Frequency(text, width, _FIRST_MONDAY if width % WEEK == 0 else 0)


def instant(text: str | pd.Timestamp, what: str = "time") -> int:
    """Microseconds of an ISO 8601 time with a zone, such as "2022-10-25T06:00Z".

    Raises:
        UsageError: not a time.
        NaiveTimeError: a time without a zone.
    """
    try:
        time = pd.Timestamp(text)
        if pd.isna(time):
            raise ValueError
    except ValueError:
        raise UsageError(
            f"{what} {text!r} is not a time; write it as 2022-10-25T06:00:00Z"
        ) from None
    if time.tzinfo is None:
        raise NaiveTimeError(
            f"{what} {str(text)!r} has no zone; add Z for UTC or an offset: {time.isoformat()}Z"
        )
    return (time.tz_convert("UTC") - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(microseconds=1)


def interval(text: str) -> tuple[int, int]:
    """Start and end, in microseconds, of "FROM/TO"; the end is exclusive.

    Raises:
        UsageError: not two times, or the second is not after the first.
    """
    parts = text.split("/")
    if len(parts) != 2:
        raise UsageError(
            f"{text!r} is not FROM/TO; write it as 2022-10-25T06:00Z/2022-10-25T12:00Z"
        )
    start, end = instant(parts[0], "the start"), instant(parts[1], "the end")
    if start >= end:
        raise UsageError(f"{text!r} ends before it starts")
    return start, end


def union(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The intervals sorted, overlapping and touching ones joined."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if end <= start:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def coverage(starts: Ints, width: int, watched: list[tuple[int, int]]) -> NDArray[np.float64]:
    """Share of each bin ``[start, start + width)`` that lies in the watched intervals.

    ``watched`` is a union: sorted and disjoint.
    """
    edges = np.array(watched, dtype=np.int64).reshape(-1, 2)
    lengths = edges[:, 1] - edges[:, 0]
    before = np.concatenate([[0], np.cumsum(lengths)])

    def watched_until(when: Ints) -> Ints:
        """Microseconds watched before each time."""
        index = np.searchsorted(edges[:, 0], when, side="right")
        total = before[index]
        inside = index > 0
        overshoot = np.maximum(edges[np.maximum(index - 1, 0), 1] - when, 0)
        return np.where(inside, total - overshoot, 0)

    if not len(edges):
        return np.zeros(len(starts))
    return (watched_until(starts + width) - watched_until(starts)) / width


def is_watched(when: Ints, watched: list[tuple[int, int]]) -> NDArray[np.bool_]:
    """Whether each time lies in one of the intervals, which are a union."""
    if not watched:
        return np.zeros(len(when), dtype=bool)
    edges = np.array(watched, dtype=np.int64)
    index = np.searchsorted(edges[:, 0], when, side="right") - 1
    inside: NDArray[np.bool_] = (index >= 0) & (when < edges[np.maximum(index, 0), 1])
    return inside


def microseconds(times: pd.Series) -> Ints:
    """Microseconds of a UTC column; a missing time is the smallest integer."""
    return times.astype(UTC_DTYPE).dt.tz_localize(None).to_numpy("datetime64[us]").view(np.int64)


def timestamps(values: Ints) -> pd.DatetimeIndex:
    """UTC times of microseconds."""
    return pd.DatetimeIndex(values.view("datetime64[us]")).tz_localize("UTC")
