"""Which alarm earns which outage of the truth, and which alarms are false."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from miner.post import require_columns, require_utc

#: Stands for the end of what has not ended.
_FOREVER: Final = pd.Timestamp("9999-01-01T00:00Z").as_unit("us")


def match(
    outages: pd.DataFrame,
    truth: pd.DataFrame,
    *,
    tolerance: str = "10min",
    early: str = "0min",
) -> dict[int, int]:
    """Row of the outages that earns each row of the truth, by position; misses are absent.

    It is the first alarm of the service from the onset to the end plus ``tolerance``, and
    none if another alarm, raised before the onset, was still running at it.

    >>> truth = read_times([("a", "10:00", "11:00")])
    >>> match(read_times([("a", "10:02", "11:05")], detected=True), truth)
    {0: 0}
    >>> match(read_times([("a", "09:00", "11:05")], detected=True), truth)
    {}
    >>> match(read_times([("b", "10:02", "11:05")], detected=True), truth)
    {}
    """
    until = outages["end"].fillna(_FOREVER)
    found: dict[int, int] = {}
    for row in range(len(truth)):
        event = truth.iloc[row]
        own = (outages["service"] == event["service"]).to_numpy()
        at = outages["detected_at"]
        soonest = event["onset"] - pd.Timedelta(early)
        running = own & (at < soonest) & (until > soonest)
        inside = own & (at >= soonest) & (at <= event["end"] + pd.Timedelta(tolerance))
        if inside.any() and not running.any():
            places = np.flatnonzero(inside)
            found[row] = int(places[np.argmin(at.to_numpy()[places])])
    return found


def read_times(
    rows: Iterable[tuple[str, str, str]], *, detected: bool = False, day: str = "2024-01-01"
) -> pd.DataFrame:
    """A small table of times of one day, for examples: service, start, end."""
    table = pd.DataFrame(rows, columns=["service", "onset", "end"])
    for name in ("onset", "end"):
        table[name] = pd.to_datetime(day + "T" + table[name] + "Z", utc=True)
    return table.assign(detected_at=table["onset"]) if detected else table


def excused(
    found: pd.DataFrame, known: pd.DataFrame, early: pd.Timedelta, tail: pd.Timedelta
) -> tuple[NDArray[np.bool_], int]:
    """Alarms that fall into a listed window, and how many non-outages drew one."""
    is_excused = np.zeros(len(found), dtype=bool)
    on_non_outages = 0
    for _, event in known.iterrows():
        at = found["detected_at"]
        inside = (found["service"] == event["service"]) & (at >= event["onset"] - early)
        inside &= at <= event["end"] + tail
        is_excused |= inside.to_numpy()
        on_non_outages += bool(inside.any()) and not event["is_outage"]
    return is_excused, on_non_outages


def with_times(
    table: pd.DataFrame, times: Iterable[str], required: Iterable[str], what: str
) -> pd.DataFrame:
    """A copy with its times checked, and a service in every row.

    Raises:
        SchemaError: a required column is missing.
        NaiveTimeError: times without a zone.
    """
    require_columns(table, required, what)
    ready = table.copy()
    if "service" not in ready:
        ready["service"] = "all"
    for name in times:
        if name in ready:
            column = ready[name]
            if not isinstance(column.dtype, pd.DatetimeTZDtype) and column.isna().all():
                column = pd.to_datetime(column, utc=True)  # a column that is all empty
            ready[name] = require_utc(column, what)
    for name in ("onset_low", "onset_high", "end_low", "end_high"):
        if name in ready:
            ready[name] = pd.to_datetime(ready[name], utc=True)
    return ready.reset_index(drop=True)
