"""The public face of detection: ``detect``, from a series to states and outages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from miner.detector.engine import STATES, Engine, Rows
from miner.detector.episodes import Episode
from miner.detector.tables import (
    Arrays,
    Grid,
    Layout,
    arrays_of,
    checked,
    dimension_of,
    grid_of,
    layout_of,
    totals,
)
from miner.detector.thresholds import DEFAULT, Thresholds, parse
from miner.post import OUTAGES, UTC_DTYPE

#: Bins that are handed to the engine at once; the rows do not depend on it.
_PART: Final = 4096
#: Shares under this are left out of the symptoms and countries of an outage.
_LEAST_SHARE: Final = 0.05
_NAMELESS: Final = frozenset({"", "none", "nan", "unknown"})


class Detected(NamedTuple):
    """Outages, one a row, and the series with ``expected, upper, score, state`` filled."""

    outages: pd.DataFrame
    series: pd.DataFrame


def detect(
    series: pd.DataFrame,
    *,
    false_alarms: str = DEFAULT,
    split: Mapping[str, pd.DataFrame] | None = None,
) -> Detected:
    """Outages of a series, and what was expected of every bin.

    The state of a bin uses that bin and earlier ones only; a longer series gives the
    same rows for the bins both have.

    Args:
        series: needs ``bin_start`` (UTC) and ``complaints`` (null: not watched); uses
            ``service, coverage, mentions, authors, chatter, recoveries``. Bins are even,
            1 second to 1 hour wide. With a column of a dimension (symptom, lang,
            country, source) the sum is judged with half of the false alarms, and every
            value on its own with the other half shared among them.
        false_alarms: to be expected a service, such as "1/year" or "2/month".
        split: the same series split by "symptom" or "country", by the name of the
            dimension: fills these columns of the outages.

    Returns:
        Outages with the columns of :data:`miner.post.OUTAGES`, and the series with its
        rows in their order. ``expected`` is the mean without an outage, ``upper`` about
        the least count of one bin that would alarm by itself, ``score`` the evidence in
        nats, ``state`` one of ok, watch, outage, unwatched, learning.

    Raises:
        SchemaError: a column is missing.
        NaiveTimeError: times without a zone.
        InputError: bins not evenly spaced, two rows for a bin, or a count that is none.
        UsageError: a rate of false alarms that makes no sense, or bins too wide.
    """
    a_year = parse(false_alarms)
    ready = checked(series)
    grid = grid_of(ready["bin_start"])
    by = dimension_of(ready)
    if by is None:
        layout = layout_of(ready, grid, ["service"])
        found, rows, arrays = _run(ready, layout, a_year)
        outages = _table(found, layout, arrays, rows)
        for name, table in (split or {}).items():
            outages = _described(outages, table, name)
        return Detected(outages, _filled(ready, layout, rows))
    whole = totals(ready, by)
    n_values = max(1, int(ready.groupby("service")[by].nunique(dropna=False).max()))
    layout = layout_of(whole, grid, ["service"])
    found, rows, arrays = _run(whole, layout, a_year / 2)
    outages = _table(found, layout, arrays, rows)
    part_layout = layout_of(ready, grid, ["service", by])
    parts, part_rows, part_arrays = _run(ready, part_layout, max(a_year / 2 / n_values, 0.02))
    values = _table(parts, part_layout, part_arrays, part_rows)
    outages = _described(_joined(outages, values), ready, by)
    return Detected(outages, _filled(ready, part_layout, part_rows))


def _run(series: pd.DataFrame, layout: Layout, a_year: float) -> tuple[list[Episode], Rows, Arrays]:
    arrays = arrays_of(series, layout)
    width = layout.grid.minutes
    limits = Thresholds(a_year, width)
    engine = Engine(len(layout.names), width, layout.grid.first, limits, limits.usual)
    parts = []
    for first in range(0, layout.grid.n_bins, _PART):
        cut = slice(first, first + _PART)
        more = (None if one is None else one[:, cut] for one in (arrays.talk, arrays.recoveries))
        parts.append(engine.push(arrays.complaints[:, cut], arrays.coverage[:, cut], *more))
    rows = Rows(*(np.concatenate(columns, axis=1) for columns in zip(*parts, strict=True)))
    return engine.outages(), rows, arrays


def _filled(series: pd.DataFrame, layout: Layout, rows: Rows) -> pd.DataFrame:
    """The series with the columns of the detector."""
    where = (layout.row, layout.bin)
    state = np.array(STATES, dtype=object)[rows.state[where]]
    return series.assign(
        expected=np.round(rows.expected[where], 4),
        upper=np.round(rows.upper[where], 2),
        score=np.round(rows.score[where], 3),
        state=pd.Series(state, index=series.index, dtype="str"),
    )


def _table(found: list[Episode], layout: Layout, arrays: Arrays, rows: Rows) -> pd.DataFrame:
    """Outages table of episodes, by onset."""
    grid = layout.grid
    return outages_table([_record(e, layout.names[e.service], grid, arrays, rows) for e in found])


def outages_table(records: Sequence[Mapping[str, object]] = ()) -> pd.DataFrame:
    """Table of :data:`miner.post.OUTAGES` from its rows, by onset."""
    table = pd.DataFrame(list(records), columns=list(OUTAGES))
    for name, dtype in OUTAGES.items():
        if dtype == UTC_DTYPE:
            table[name] = pd.to_datetime(table[name], utc=True).astype(UTC_DTYPE)
    table = table.astype({name: d for name, d in OUTAGES.items() if d != UTC_DTYPE})
    return table.sort_values(["onset", "service"], kind="stable", ignore_index=True)


def _record(
    episode: Episode, name: str, grid: Grid, arrays: Arrays, rows: Rows
) -> dict[str, object]:
    end = episode.end
    first = max(0, int(episode.onset.at) - grid.first)
    last = grid.n_bins if end is None else max(first + 1, int(np.ceil(end.at)) - grid.first)
    counts = arrays.complaints[episode.service, first:last]
    expected = rows.expected[episode.service, first:last]
    seen = ~np.isnan(counts) & ~np.isnan(expected)
    n, usual = counts[seen].sum(), expected[seen].sum()
    return {
        "service": name,
        "onset": grid.time(episode.onset.at),
        "onset_low": grid.time(episode.onset.low),
        "onset_high": grid.time(episode.onset.high),
        "detected_at": grid.time(episode.raised + 1),
        "peak_at": grid.time(episode.peak_at),
        "peak": episode.peak,
        "end": pd.NaT if end is None else grid.time(end.at),
        "end_low": pd.NaT if end is None else grid.time(end.low),
        "end_high": pd.NaT if end is None else grid.time(end.high),
        "complaints": n,
        "severity": round(float(n / usual), 2) if usual > 0 else np.nan,
        "symptoms": "",
        "countries": "",
    }


def _described(outages: pd.DataFrame, series: pd.DataFrame, by: str) -> pd.DataFrame:
    """Outages with the leading values of a dimension, as "send:0.70;down:0.16".

    ``by`` is "symptom" or "country"; other dimensions leave the table as it is. The
    series is split by it.
    """
    column = {"symptom": "symptoms", "country": "countries"}.get(by)
    if column is None:
        return outages
    texts = []
    for row in outages.to_dict("records"):
        inside = (series["service"] == row["service"]) & (series["bin_start"] >= row["onset"])
        if not pd.isna(row["end"]):
            inside &= series["bin_start"] < row["end"]
        sums = series[inside].groupby(by)["complaints"].sum().astype("float64")
        sums = sums[[str(name) not in _NAMELESS for name in sums.index]]
        shares = (sums / max(sums.sum(), 1.0)).sort_values(ascending=False, kind="stable")
        kept = shares[shares >= _LEAST_SHARE]
        texts.append(";".join(f"{name}:{value:.2f}" for name, value in kept.items()))
    return outages.assign(**{column: pd.Series(texts, index=outages.index, dtype="str")})


def _joined(outages: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Outages of the sum, and those of single values that the sum does not show."""
    names = values["service"].str.split("\x1f", n=1)
    values = values.assign(service=names.str[0])
    late = pd.Timestamp("9999-01-01T00:00Z").as_unit("us")
    new = []
    for row in values.to_dict("records"):
        own = outages[outages["service"] == row["service"]]
        overlaps = (own["onset_low"] <= (late if pd.isna(row["end_high"]) else row["end_high"])) & (
            own["end_high"].fillna(late) >= row["onset_low"]
        )
        new.append(not overlaps.any())
    more = values[np.array(new, dtype=bool)] if len(values) else values
    joined = pd.concat([outages, more], ignore_index=True) if len(more) else outages
    return joined.sort_values(["onset", "service"], kind="stable", ignore_index=True)
