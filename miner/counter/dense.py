"""Sums to a dense series: every bin of the range, null where nobody watched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from miner.counter.rows import Codebooks, Rows
from miner.counter.tally import Sums
from miner.counter.times import (
    SECOND,
    Frequency,
    coverage,
    is_watched,
    microseconds,
    timestamps,
    union,
)
from miner.errors import UsageError
from miner.post import SERIES_VALUES, SYMPTOMS, require_columns, require_utc

#: More rows than this fill the memory of a laptop; nobody reads them.
MAX_ROWS: Final = 20_000_000

Interval = tuple[int, int]


@dataclass(frozen=True)
class Watched:
    """What was watched: intervals for every service, and more for single ones."""

    everywhere: list[Interval] = field(default_factory=list)
    by_service: dict[str, list[Interval]] = field(default_factory=dict)

    @classmethod
    def of(cls, table: pd.DataFrame) -> Watched:
        """From a table with UTC columns ``start, end`` and optionally ``service``.

        Raises:
            SchemaError: a column is missing.
            NaiveTimeError: times without a zone.
        """
        require_columns(table, ["start", "end"], "the table of watched intervals")
        starts = microseconds(require_utc(table["start"], "the table of watched intervals"))
        ends = microseconds(require_utc(table["end"], "the table of watched intervals"))
        services = table["service"] if "service" in table.columns else [None] * len(table)
        everywhere: list[Interval] = []
        by_service: dict[str, list[Interval]] = {}
        for start, end, service in zip(starts.tolist(), ends.tolist(), services, strict=True):
            if isinstance(service, str):
                by_service.setdefault(service, []).append((start, end))
            else:
                everywhere.append((start, end))
        everywhere = union(everywhere)
        return cls(everywhere, {s: union([*i, *everywhere]) for s, i in by_service.items()})

    @classmethod
    def span(cls, first: int, last: int) -> Watched:
        """From the second of the first post to the end of the second of the last one."""
        return cls([(first - first % SECOND, last - last % SECOND + SECOND)])

    def of_service(self, service: str) -> list[Interval]:
        """Intervals of one service, sorted and disjoint."""
        return self.by_service.get(service, self.everywhere)

    def hull(self) -> Interval | None:
        """Start of the first interval and end of the last, of all services."""
        every = [*self.everywhere, *(i for some in self.by_service.values() for i in some)]
        if not every:
            return None
        return min(start for start, _ in every), max(end for _, end in every)

    def only_watched(self, rows: Rows, books: Codebooks) -> Rows:
        """Rows whose time was watched for their service."""
        keep = is_watched(rows["when"], self.everywhere)
        for service, intervals in self.by_service.items():
            own = rows["service"] == books.service.code(service)
            keep = np.where(own, is_watched(rows["when"], intervals), keep)
        return rows[keep]


def dense_series(
    sums: Sums,
    books: Codebooks,
    freq: Frequency,
    watched: Watched,
    *,
    by: str | None,
    services: Sequence[str] | None,
    start: int | None,
    end: int | None,
) -> pd.DataFrame:
    """Series table of sums; see :meth:`miner.counter.Counts.series`."""
    starts = _bins(freq, watched, start, end)
    service_codes = _service_codes(sums, books, services)
    values = _values_of(sums, service_codes, books, by)
    n_rows = len(starts) * len(service_codes) * len(values)
    if n_rows > MAX_ROWS:
        raise UsageError(
            f"the series would have {n_rows:,} rows of {freq.text} "
            f"from {timestamps(starts[:1])[0]:%Y-%m-%d} to {timestamps(starts[-1:])[0]:%Y-%m-%d}; "
            "take wider bins (--freq 1h) or a shorter range (--from, --to)"
        )
    pieces = [
        _piece(sums, service, books, starts, freq, watched, by, values) for service in service_codes
    ]
    columns = ["bin_start", "service", *([by] if by else []), *SERIES_VALUES]
    if not pieces:
        pieces = [_empty(starts[:0], by)]
    table = pd.concat(pieces, ignore_index=True)[columns]
    order = ["bin_start", "service", *([by] if by else [])]
    return table.sort_values(order, kind="stable", ignore_index=True)


def _bins(
    freq: Frequency, watched: Watched, start: int | None, end: int | None
) -> NDArray[np.int64]:
    hull = watched.hull()
    if hull is None and (start is None or end is None):
        return np.zeros(0, dtype=np.int64)
    first, last = hull or (0, 0)
    first = freq.floor(first if start is None else start)
    last = freq.ceil(last if end is None else end)
    if start is not None and end is not None and start >= end:
        raise UsageError("the range ends before it starts; check --from and --to")
    n = max(0, (last - first) // freq.width)
    if n > MAX_ROWS:
        raise UsageError(
            f"the range holds {n:,} bins of {freq.text}; take wider bins (--freq 1h) or a "
            "shorter range (--from, --to)"
        )
    return first + freq.width * np.arange(n, dtype=np.int64)


def _service_codes(sums: Sums, books: Codebooks, services: Sequence[str] | None) -> list[int]:
    if services is not None:
        return [books.service.code(name) for name in sorted(set(services))]
    return sorted(set(sums.keys[:, 0].tolist()), key=lambda code: books.service.names[code])


def _values_of(
    sums: Sums, services: Sequence[int], books: Codebooks, by: str | None
) -> list[tuple[int, str]]:
    """Codes and names of the dimension's values that occur; one nameless without it."""
    if by is None:
        return [(0, "")]
    wanted = np.isin(sums.keys[:, 0], services)
    codes = sorted(set(sums.keys[wanted, 2].tolist()))
    names = dimension_names(books, by)
    return [(code, names[code]) for code in codes] or [(0, names[0])]


def dimension_names(books: Codebooks, by: str) -> Sequence[str]:
    """Names of a dimension's values by code."""
    if by == "symptom":
        return ("none", *SYMPTOMS)
    names: Sequence[str] = getattr(books, by).names
    return names


def _piece(
    sums: Sums,
    service: int,
    books: Codebooks,
    starts: NDArray[np.int64],
    freq: Frequency,
    watched: Watched,
    by: str | None,
    values: Sequence[tuple[int, str]],
) -> pd.DataFrame:
    name = books.service.names[service]
    own = sums.keys[:, 0] == service
    keys, counts = sums.keys[own], sums.counts[own]
    dense = np.zeros((len(starts), len(values), counts.shape[1]), dtype=np.int64)
    if len(starts) and len(keys):
        bins = (keys[:, 1] - starts[0]) // freq.width
        places = np.searchsorted([code for code, _ in values], keys[:, 2])
        inside = (bins >= 0) & (bins < len(starts))
        dense[bins[inside], places[inside]] = counts[inside]
    share = coverage(starts, freq.width, watched.of_service(name))
    repeat = len(values)
    flat = dense.reshape(-1, counts.shape[1])
    unwatched = np.repeat(share == 0, repeat)
    table = _empty(np.repeat(starts, repeat), by)
    table["service"] = pd.Series([name] * len(flat), dtype="str")
    if by:
        table[by] = pd.Series([label for _, label in values] * len(starts), dtype="str")
    table["coverage"] = np.repeat(share, repeat)
    # In the order of Sums.counts.
    for index, column in enumerate(("mentions", "complaints", "authors", "recoveries", "chatter")):
        table[column] = pd.array(flat[:, index], dtype="Int64")
        table.loc[unwatched, column] = pd.NA
    return table


def _empty(starts: NDArray[np.int64], by: str | None) -> pd.DataFrame:
    """A series with its bins and null values, every column with its dtype."""
    integers = {"mentions", "complaints", "authors", "recoveries", "chatter"}
    table = pd.DataFrame({"bin_start": timestamps(starts)})
    for name in ("service", *([by] if by else []), *SERIES_VALUES):
        if name in integers:
            table[name] = pd.array([pd.NA] * len(starts), dtype="Int64")
        elif name in {"service", "state", by}:
            table[name] = pd.Series([None] * len(starts), dtype="str")
        else:
            table[name] = np.full(len(starts), np.nan)
    return table
