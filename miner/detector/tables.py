"""The series table as arrays for the engine, checked; and times of bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from miner.errors import InputError, UsageError
from miner.post import DIMENSIONS, require_columns, require_utc

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SECOND: Final = 1_000_000
#: The widest bins that an outage can be told in, microseconds.
WIDEST: Final = 3600 * _SECOND
_MINUTE: Final = 60 * _SECOND


@dataclass(frozen=True)
class Grid:
    """Even bins: start of the first and width, in microseconds since 1970 UTC."""

    start: int
    width: int
    n_bins: int

    @property
    def minutes(self) -> float:
        """Width of a bin in minutes."""
        return self.width / _MINUTE

    @property
    def first(self) -> int:
        """Number of the first bin since 1970."""
        return self.start // self.width

    def time(self, number: float) -> pd.Timestamp:
        """UTC time of a bin's number, or of a fraction of it, to the second."""
        at = self.start + (number - self.first) * self.width
        return pd.Timestamp(round(at / _SECOND), unit="s", tz="UTC").as_unit("us")


@dataclass(frozen=True)
class Arrays:
    """Input of the engine, each of shape (services, bins); the last two may be unknown."""

    complaints: Floats
    coverage: Floats
    talk: Floats | None
    recoveries: Floats | None


@dataclass(frozen=True)
class Layout:
    """Where each row of a series lies in the arrays: its service (or part) and bin."""

    grid: Grid
    names: list[str]
    row: Ints
    bin: Ints


def dimension_of(series: pd.DataFrame) -> str | None:
    """The dimension a series is split by, if it is.

    Raises:
        UsageError: split by two.
    """
    found = [name for name in DIMENSIONS if name in series.columns]
    if len(found) > 1:
        raise UsageError(
            f"the series is split by {' and '.join(found)}; detect takes one split at a time"
        )
    return found[0] if found else None


def grid_of(times: pd.Series) -> Grid:
    """The even bins of a series.

    Raises:
        NaiveTimeError: times without a zone.
        InputError: bins that are not evenly spaced, or a time is missing.
        UsageError: bins under 1 second or over 1 hour.
    """
    utc = require_utc(times, "the series")
    if utc.isna().any():
        raise InputError("the series: a bin_start is empty; every row needs one")
    values = np.unique(utc.dt.tz_localize(None).to_numpy("datetime64[us]").view(np.int64))
    if len(values) < 2:
        raise InputError("the series: needs at least two bins to know their width")
    steps = np.diff(values)
    width = int(steps.min())
    if not _SECOND <= width <= WIDEST:
        raise UsageError("bins must be 1 second to 1 hour wide; count again, such as --freq 5min")
    odd = np.flatnonzero(steps != width)
    if len(odd):
        at = pd.Timestamp(int(values[odd[0]]), unit="us", tz="UTC")
        after = pd.Timestamp(int(values[odd[0] + 1]), unit="us", tz="UTC")
        raise InputError(
            f"the series: bins are not evenly spaced: {at.isoformat()} is followed by "
            f"{after.isoformat()}, others by {pd.Timedelta(width, unit='us')} later; write bins "
            "nobody watched as rows with empty complaints"
        )
    return Grid(int(values[0]), width, len(values))


def layout_of(series: pd.DataFrame, grid: Grid, keys: list[str]) -> Layout:
    """Place of each row, by the columns ``keys`` (the service, and a part of it).

    Raises:
        InputError: two rows for the same bin.
    """
    names = series[keys[0]].astype("str")
    for key in keys[1:]:
        names = names + "\x1f" + series[key].astype("str").fillna("")
    codes, uniques = pd.factorize(names, sort=True)
    times = series["bin_start"].dt.tz_convert("UTC").dt.tz_localize(None)
    at = (times.to_numpy("datetime64[us]").view(np.int64) - grid.start) // grid.width
    places = codes * grid.n_bins + at
    if len(np.unique(places)) < len(places):
        twice = int(np.flatnonzero(pd.Series(places).duplicated())[0])
        raise InputError(
            f"the series: two rows for {names.iloc[twice]!r} at "
            f"{series['bin_start'].iloc[twice].isoformat()}; one row a service and bin is needed"
        )
    return Layout(grid, list(map(str, uniques)), codes.astype(np.int64), at)


def arrays_of(series: pd.DataFrame, layout: Layout) -> Arrays:
    """Counts of a series as arrays.

    Complaints count at most once an author where authors are known. Talk is what was
    said about the service without complaining: chatter, or all other mentions.

    Raises:
        InputError: counts that are negative or no numbers.
    """
    complaints = _column(series, "complaints")
    coverage = _column(series, "coverage", 1.0)
    coverage = np.where(np.isnan(complaints), 0.0, np.nan_to_num(coverage, nan=1.0))
    if "authors" in series:
        authors = _column(series, "authors")
        complaints = np.where(authors > 0, np.minimum(complaints, authors), complaints)
    others = []
    if "chatter" in series:
        others.append(_column(series, "chatter"))
    if "mentions" in series:
        back = _column(series, "recoveries", 0.0) if "recoveries" in series else 0.0
        others.append(_column(series, "mentions") - complaints - np.nan_to_num(back))
    talk = None if not others else np.fmax.reduce(others)
    if talk is not None and np.isnan(talk).all():
        talk = None
    shape = (len(layout.names), layout.grid.n_bins)

    def dense(values: Floats, empty: float) -> Floats:
        array = np.full(shape, empty)
        array[layout.row, layout.bin] = values
        return array

    return Arrays(
        dense(complaints, np.nan),
        dense(np.clip(coverage, 0, 1), 0.0),
        None if talk is None else dense(np.maximum(talk, 0.0), np.nan),
        dense(_column(series, "recoveries"), np.nan) if "recoveries" in series else None,
    )


def _column(series: pd.DataFrame, name: str, empty: float | None = None) -> Floats:
    if name not in series:
        return np.full(len(series), np.nan if empty is None else empty)
    try:
        values = pd.to_numeric(series[name]).to_numpy("float64", na_value=np.nan)
    except (ValueError, TypeError):
        raise InputError(f"the series: a cell of {name!r} is no number") from None
    if (values < 0).any():
        raise InputError(f"the series: {name!r} is negative in a row; counts are 0 or more")
    return values


def totals(series: pd.DataFrame, by: str) -> pd.DataFrame:
    """The series without its split: sums over the values of the dimension."""
    counts = [
        n for n in ("mentions", "complaints", "authors", "recoveries", "chatter") if n in series
    ]
    groups = series.groupby(["bin_start", "service"], sort=True)
    table = groups[counts].sum(min_count=1)
    if "coverage" in series:
        table["coverage"] = groups["coverage"].max()
    return table.reset_index().drop(columns=by, errors="ignore")


def checked(series: pd.DataFrame) -> pd.DataFrame:
    """A copy of the series with UTC bins and a service in every row.

    Raises:
        SchemaError: no ``bin_start`` or ``complaints``.
        InputError: no rows.
    """
    require_columns(series, ["bin_start", "complaints"], "the series")
    if series.empty:
        raise InputError("the series: holds no rows")
    ready = series.copy(deep=False).reset_index(drop=True)
    ready["bin_start"] = require_utc(ready["bin_start"], "the series")
    if "service" not in ready:
        ready["service"] = "all"
    return ready
