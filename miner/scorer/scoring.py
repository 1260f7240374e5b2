"""The figures of outages against a truth list."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from miner.errors import UsageError
from miner.post import UTC_DTYPE, require_utc
from miner.scorer.figures import Figure, quantile, rate, share
from miner.scorer.matching import excused, match, with_times

#: Days of a month in which rates are given.
MONTH_DAYS: Final = 365.25 / 12


@dataclass(frozen=True)
class Score:
    """What :func:`score` finds; delays and errors in minutes.

    ``delay_median`` and ``delay_p90`` count a missed outage as infinitely late.
    ``onset_error`` and ``end_error`` are medians of absolute errors over the detected
    outages, ``onset_cover`` and ``end_cover`` the shares whose interval holds the truth.
    """

    outages: int
    detected: int
    alarms: int
    false_alarms: int
    service_months: float
    recall: Figure
    precision: Figure
    delay_median: Figure
    delay_p90: Figure
    false_alarms_a_month: Figure
    time_under_alarm: Figure
    onset_error: Figure
    end_error: Figure
    onset_cover: Figure
    end_cover: Figure
    non_outages: int
    alarms_on_non_outages: int

    def to_json(self) -> dict[str, object]:
        """The figures as plain values; what is undefined or infinite is None."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def score(
    outages: pd.DataFrame,
    truth: pd.DataFrame,
    *,
    series: pd.DataFrame | None = None,
    start: str | pd.Timestamp | None = None,
    end: str | pd.Timestamp | None = None,
    tolerance: str = "10min",
    early: str = "0min",
    tail: str = "2h",
) -> Score:
    """Figures of outages against the truth.

    Args:
        outages: outages table; needs ``service, detected_at``, uses ``onset, end`` and
            their intervals where they are.
        truth: ``service, onset, end`` in UTC; rows whose ``is_outage`` is false are
            known non-outages, on which an alarm is counted apart.
        series: what was watched; by default ``start`` to ``end`` for every service.
        start: beginning of the scored time; by default that of the series or tables.
        end: end of the scored time.
        tolerance: how long after the end of an outage it may still be detected.
        early: how long before the onset an alarm may come; for truth lists that are
            approximate.
        tail: how long after the end of an outage an alarm is not called false.

    Raises:
        SchemaError: a column is missing.
        NaiveTimeError: times without a zone.
        UsageError: no time to score.
    """
    found = with_times(outages, ("detected_at", "onset", "end"), ("detected_at",), "the outages")
    known = with_times(truth, ("onset", "end"), ("onset", "end"), "the truth")
    if "is_outage" not in known:
        known["is_outage"] = True
    known["is_outage"] = known["is_outage"].astype("str").str.lower().isin(["true", "1", "1.0"])
    if "end" not in found:
        found["end"] = pd.Series(pd.NaT, index=found.index, dtype=UTC_DTYPE)
    first, last = _span(found, known, series, start, end)
    found = found[(found["detected_at"] >= first) & (found["detected_at"] <= last)]
    known = known[(known["onset"] >= first) & (known["onset"] < last)]
    found["until"] = found["end"].fillna(last.as_unit("us"))
    matches = match(found, known, tolerance=tolerance, early=early)
    is_excused, on_non_outages = excused(found, known, pd.Timedelta(early), pd.Timedelta(tail))
    months = _watched_months(found, known, series, first, last)
    return _figures(found, known, matches, ~is_excused, on_non_outages, months)


def check_duration(text: str, what: str) -> pd.Timedelta:
    """A duration such as "10min".

    Raises:
        UsageError: not a duration, or negative.
    """
    try:
        duration = pd.Timedelta(text)
    except ValueError:
        duration = pd.Timedelta(-1)
    if not duration >= pd.Timedelta(0):
        raise UsageError(f'{what} {text!r} is no duration; write it as "10min" or "1h"')
    return duration


def _span(
    found: pd.DataFrame,
    known: pd.DataFrame,
    series: pd.DataFrame | None,
    start: str | pd.Timestamp | None,
    end: str | pd.Timestamp | None,
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last scored time."""
    if series is not None:
        times = require_utc(series["bin_start"], "the series")
        spans = [times.min(), times.max() + _width(times)]
    else:
        every = [t[n] for t in (found, known) for n in ("onset", "detected_at", "end") if n in t]
        spans = [v for c in every for v in (c.min(), c.max()) if not pd.isna(v)]
    first = pd.Timestamp(start) if start is not None else min(spans, default=pd.NaT)
    last = pd.Timestamp(end) if end is not None else max(spans, default=pd.NaT)
    if pd.isna(first) or pd.isna(last) or first >= last:
        raise UsageError("no time to score: give the series with --series, or a start and end")
    return first, last


def _width(times: pd.Series) -> pd.Timedelta:
    steps = times.drop_duplicates().sort_values().diff().dropna()
    return steps.min() if len(steps) else pd.Timedelta(0)


def _watched_months(
    found: pd.DataFrame,
    known: pd.DataFrame,
    series: pd.DataFrame | None,
    first: pd.Timestamp,
    last: pd.Timestamp,
) -> float:
    if series is None:
        n_services = len(set(found["service"]) | set(known["service"]))
        return n_services * (last - first) / pd.Timedelta(days=MONTH_DAYS)
    times = series["bin_start"]
    inside = series[(times >= first) & (times < last)]
    keys = inside.drop_duplicates(["bin_start", *(["service"] if "service" in inside else [])])
    watched = keys["complaints"].notna().sum()
    return float(watched * (_width(times) / pd.Timedelta(days=MONTH_DAYS)))


def _figures(
    found: pd.DataFrame,
    known: pd.DataFrame,
    matches: dict[int, int],
    is_false: NDArray[np.bool_],
    on_non_outages: int,
    months: float,
) -> Score:
    real = np.flatnonzero(known["is_outage"].to_numpy())
    pairs = [(row, matches[row]) for row in real.tolist() if row in matches]
    delays = np.full(len(real), np.inf)
    delays[: len(pairs)] = [
        (found["detected_at"].iloc[j] - known["onset"].iloc[i]) / pd.Timedelta("1min")
        for i, j in pairs
    ]
    lasting = (found["until"] - found["detected_at"]).dt.total_seconds()
    under = float(lasting.sum()) / 86_400 / MONTH_DAYS
    n_false = int(is_false.sum())
    return Score(
        outages=len(real),
        detected=len(pairs),
        alarms=len(found),
        false_alarms=n_false,
        service_months=months,
        recall=share(len(pairs), len(real)),
        precision=share(len(found) - n_false - on_non_outages, len(found)),
        delay_median=quantile(delays, 0.5),
        delay_p90=quantile(delays, 0.9),
        false_alarms_a_month=rate(n_false, months),
        time_under_alarm=Figure(under / months if months else math.nan),
        onset_error=_error(found, known, pairs, "onset"),
        end_error=_error(found, known, pairs, "end"),
        onset_cover=_cover(found, known, pairs, "onset"),
        end_cover=_cover(found, known, pairs, "end"),
        non_outages=int((~known["is_outage"]).sum()),
        alarms_on_non_outages=on_non_outages,
    )


def _error(
    found: pd.DataFrame, known: pd.DataFrame, pairs: list[tuple[int, int]], name: str
) -> Figure:
    if name not in found:
        return Figure(math.nan)
    errors = [(found[name].iloc[j] - known[name].iloc[i]) / pd.Timedelta("1min") for i, j in pairs]
    kept = [abs(error) for error in errors if not pd.isna(error)]
    return quantile(np.array(kept, dtype=float), 0.5)


def _cover(
    found: pd.DataFrame, known: pd.DataFrame, pairs: list[tuple[int, int]], name: str
) -> Figure:
    low, high = f"{name}_low", f"{name}_high"
    if low not in found or high not in found:
        return Figure(math.nan)
    inside = [
        found[low].iloc[j] <= known[name].iloc[i] <= found[high].iloc[j]
        for i, j in pairs
        if not pd.isna(found[low].iloc[j]) and not pd.isna(found[high].iloc[j])
    ]
    return share(sum(map(bool, inside)), len(inside))
