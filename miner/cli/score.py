"""``miner score``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from miner.cli.shared import json_option, print_json, print_table

if TYPE_CHECKING:
    from miner.scorer import Score


@click.command(
    epilog="""\b
Examples:
  miner score outages.csv truth.csv --series series.csv
  miner score outages.csv truth.csv --from 2022-10-01T00Z --to 2022-11-01T00Z --json
"""
)
@click.argument("outages", metavar="OUTAGES")
@click.argument("truth", metavar="TRUTH")
@click.option("--series", metavar="FILE", help="The series: what was watched, and how long.")
@click.option("--from", "start", metavar="T", help="Score from this time on.")
@click.option("--to", "end", metavar="T", help="Score until this time.")
@click.option(
    "--tolerance",
    default="10min",
    show_default=True,
    help="How long after its end an outage may still be detected.",
)
@click.option(
    "--early",
    default="0min",
    show_default=True,
    help="How long before a listed onset an alarm may come, where the list is approximate.",
)
@json_option
def command(
    outages: str,
    truth: str,
    series: str | None,
    start: str | None,
    end: str | None,
    tolerance: str,
    early: str,
    as_json: bool,
) -> None:
    """Hold outages against a truth list.

    OUTAGES is what `miner detect` writes. TRUTH is a table with onset and end (UTC), and
    optionally service and is_outage; rows whose is_outage is false are known
    non-outages. An alarm that ran before the onset earns nothing.
    """
    from miner.cli.series import read_series, read_table
    from miner.counter import instant
    from miner.scorer import check_duration, score

    for name, text in (("--from", start), ("--to", end)):
        if text is not None:
            instant(text, name)
    for name, text in (("--tolerance", tolerance), ("--early", early)):
        check_duration(text, name)
    times = ["detected_at", "onset", "onset_low", "onset_high", "end", "end_low", "end_high"]
    result = score(
        read_table(outages, ["detected_at"], times, "the outages"),
        read_table(truth, ["onset", "end"], ["onset", "end"], "the truth"),
        series=None if series is None else read_series(series),
        start=start,
        end=end,
        tolerance=tolerance,
        early=early,
    )
    if as_json:
        print_json(result.to_json())
        return
    print_table(["figure", "value", "95 % interval"], _rows(result))


def _rows(result: Score) -> list[list[object]]:
    """Figures in words."""
    rows: list[list[object]] = [
        ["outages found", f"{result.detected} of {result.outages}", ""],
        ["alarms, false ones", f"{result.alarms}, {result.false_alarms}", ""],
        ["watched service-months", f"{result.service_months:.2f}", ""],
    ]
    if result.non_outages:
        shown = f"{result.alarms_on_non_outages} of {result.non_outages}"
        rows.append(["known non-outages with an alarm", shown, ""])
    named = {
        "recall": "recall",
        "precision": "precision",
        "delay, median (min)": "delay_median",
        "delay, 90 % (min)": "delay_p90",
        "false alarms a service-month": "false_alarms_a_month",
        "share of time under alarm": "time_under_alarm",
        "onset error, median (min)": "onset_error",
        "end error, median (min)": "end_error",
        "onsets within their interval": "onset_cover",
        "ends within their interval": "end_cover",
    }
    for text, name in named.items():
        figure = getattr(result, name)
        rows.append([text, _number(figure.value), _interval(figure.low, figure.high)])
    return rows


def _number(value: float) -> str:
    if math.isnan(value):
        return "undefined"
    return "missed" if math.isinf(value) else f"{value:.3g}"


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) or math.isnan(high) else f"{_number(low)} to {_number(high)}"
