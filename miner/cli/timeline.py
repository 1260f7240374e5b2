"""A series as tables that fit a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pandas as pd

#: Rows of a timeline and services shown.
ROWS: Final = 24
SERVICES: Final = 5
_BAR: Final = 20
_WIDTHS: Final = ("1min", "5min", "10min", "15min", "30min", "1h", "3h", "6h", "12h", "1D", "7D")

Table = tuple[str, list[str], list[list[object]]]


def timeline(series: pd.DataFrame, by: str | None) -> Iterator[Table]:
    """Title, columns and rows: all services in one table, then the loudest over time."""
    if series.empty:
        return
    sums = series.groupby("service")[["mentions", "complaints"]].sum()
    sums = sums.sort_values(["complaints", "mentions"], ascending=False)
    peaks = _peaks(series)
    rows: list[list[object]] = [
        [name, int(mentions), int(complaints), *peaks.get(str(name), ("", None))]
        for name, mentions, complaints in sums.head(SERVICES).itertuples()
    ]
    more = len(sums) - SERVICES
    title = f"services by complaints ({more} more in the file)" if more > 0 else ""
    yield title, ["service", "mentions", "complaints", "peak bin (UTC)", "in it"], rows
    if int(sums["complaints"].iloc[0]):
        yield _over_time(series[series["service"] == sums.index[0]], str(sums.index[0]), by)


def _peaks(series: pd.DataFrame) -> dict[str, tuple[str, int]]:
    totals = series.groupby(["service", "bin_start"])["complaints"].sum()
    peaks = {}
    for service, of_service in totals.groupby(level=0):
        at = of_service.droplevel(0).idxmax()
        if of_service.max():
            peaks[str(service)] = (f"{at:%Y-%m-%d %H:%M:%S}", int(of_service.max()))
    return peaks


def _over_time(series: pd.DataFrame, service: str, by: str | None) -> Table:
    span = series["bin_start"].max() - series["bin_start"].min()
    width = next((w for w in _WIDTHS if span < ROWS * pd.Timedelta(w)), _WIDTHS[-1])
    groups = series.groupby(series["bin_start"].dt.floor(width))
    per_bin = series.drop_duplicates("bin_start")
    coverage = per_bin.groupby(per_bin["bin_start"].dt.floor(width))["coverage"].mean()
    sums = groups[["mentions", "complaints", "recoveries", "chatter"]].sum(min_count=1)
    most = max(1, int(sums["complaints"].max()))
    rows: list[list[object]] = []
    shares = coverage.reindex(sums.index)
    last = sums.tail(ROWS + 1)
    stamp = "%H:%M" if last.index[0].date() == last.index[-1].date() else "%m-%d %H:%M"
    for start, values, share in zip(
        last.index, last.to_numpy(), shares.loc[last.index], strict=True
    ):
        numbers = [None if pd.isna(value) else int(value) for value in values]
        bar = "" if numbers[1] is None else "█" * round(_BAR * numbers[1] / most)
        note = "not watched" if share == 0 else bar
        rows.append([f"{start:{stamp}}", *numbers, note])
    columns = ["UTC", "mentions", "complaints", "recoveries", "chatter", ""]
    split = f", all values of {by} together" if by else ""
    day = f" from {last.index[0]:%Y-%m-%d}"
    return f"{service}{day}, {width} a row{split}", columns, rows
