"""Series, outages and truth lists from files, and outages as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from miner.errors import InputError, SchemaError

if TYPE_CHECKING:
    import pandas as pd


#: Rows of outages shown to people.
SHOWN = 20

false_alarms_option = click.option(
    "--false-alarms",
    default="1/year",
    show_default=True,
    metavar="N/PERIOD",
    help="False alarms to be expected a service: N/year, N/month, N/week or N/day.",
)


def read_table(path: str, required: list[str], times: list[str], what: str) -> pd.DataFrame:
    """A table whose columns ``times`` are UTC times, with numbers left as texts.

    Raises:
        InputError: missing, empty, binary, or a line that cannot be read.
        SchemaError: a required column is missing.
        NaiveTimeError: times without a zone.
    """
    import pandas as pd

    from miner.post import require_columns
    from miner.sources.labelled import Skipped, read_parts, times_of

    skipped = Skipped()
    parts = []
    for part in read_parts(path, None, skipped):
        try:
            require_columns(part, required, what)
        except SchemaError as error:
            raise SchemaError(f"{path}: {error}") from None
        ready = {name: times_of(part, name, path) for name in times if name in part}
        parts.append(part.assign(**ready))
    if skipped.reasons:
        raise InputError(f"{path}: {skipped.summary(path)}; mend these lines, a gap is not a zero")
    table = pd.concat(parts, ignore_index=True)
    if not pd.api.types.is_string_dtype(table[required[0]].dtype) or not len(table):
        return table
    return table.replace("", None)


def read_series(path: str) -> pd.DataFrame:
    """A series as ``miner mine`` and ``miner count`` write it; empty cells are null."""
    import pandas as pd

    from miner.post import SERIES_VALUES

    table = read_table(path, ["bin_start", "complaints"], ["bin_start"], "the series")
    for name in SERIES_VALUES:
        if name in table and name != "state":
            try:
                table[name] = pd.to_numeric(table[name].replace("", None))
            except (ValueError, TypeError):
                raise InputError(f"{path}: a cell of {name!r} is no number") from None
    return table


def limited(series: pd.DataFrame) -> pd.DataFrame:
    """The series with the limits of its complaints, where it has mentions and none yet.

    How its posts were matched and labelled is not known: the rates are those of the shipped
    classifier on posts that only name a service.
    """
    from miner.estimator import SHIPPED, with_limits

    has_limits = "complaints_low" in series and series["complaints_low"].notna().any()
    if has_limits or "mentions" not in series:
        return series
    return with_limits(series, SHIPPED["mention", "balanced"])


def outage_rows(outages: pd.DataFrame) -> tuple[list[str], list[list[object]]]:
    """Columns and rows of the first outages, for a terminal."""
    import pandas as pd

    columns = ["service", "onset (UTC)", "known", "end", "posts", "ratio", "symptom"]
    rows: list[list[object]] = []
    for row in outages.head(SHOWN).to_dict("records"):
        end = "lasting" if pd.isna(row["end"]) else f"{row['end']:%m-%d %H:%M}"
        severity = None if pd.isna(row["severity"]) else f"{row['severity']:.1f}"
        rows.append(
            [
                row["service"],
                f"{row['onset']:%m-%d %H:%M}",
                f"{row['detected_at']:%H:%M}",
                end,
                int(row["complaints"]),
                severity,
                str(row["symptoms"]).split(":")[0],
            ]
        )
    return columns, rows


def say_outages(outages: pd.DataFrame, *, err: bool) -> None:
    """Outages for people: a table, and which began together."""
    from miner.cli.shared import print_table
    from miner.detector import link

    if outages.empty:
        click.echo("outages: none", err=err)
        return
    columns, rows = outage_rows(outages)
    more = len(outages) - len(rows)
    title = f"outages ({more} more in the file)" if more > 0 else "outages"
    print_table(columns, rows, title=title, err=err)
    for event in link(outages).to_dict("records"):
        names = str(event["services"]).replace(";", ", ")
        click.echo(f"together at {event['onset']:%Y-%m-%d %H:%M}: {names}", err=err)
