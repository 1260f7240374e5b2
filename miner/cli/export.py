"""``miner export``."""

from __future__ import annotations

import click

from miner.cli.series import false_alarms_option
from miner.cli.shared import output_option, quiet_option


@click.command(
    epilog="""\b
Examples:
  miner export series.csv -o series.parquet
  miner export series.csv --outages outages.csv -o scored.csv
  miner export labelled.csv --spreadsheet -o for-people.csv
  miner export labelled.csv --columns created_at,text,label -o short.jsonl
"""
)
@click.argument("table", metavar="IN")
@output_option
@click.option("--columns", metavar="A,B,…", help="Only these columns, in this order.")
@click.option(
    "--spreadsheet",
    is_flag=True,
    help="Make a CSV safe to open in a spreadsheet: no text can run as a formula.",
)
@click.option(
    "--outages",
    metavar="FILE",
    help="IN is a series: fill expected, upper, score, state and the limits of its complaints "
    "where they are empty, and write its outages here.",
)
@false_alarms_option
@quiet_option
def command(
    table: str,
    output: str,
    columns: str | None,
    spreadsheet: bool,
    outages: str | None,
    false_alarms: str,
    quiet: bool,
) -> None:
    """Write a table of posts or a series in another format.

    IN is CSV, JSON lines or Parquet, compressed or not; the output is .csv, .parquet
    or .jsonl by its name.
    """
    from collections.abc import Iterator

    import pandas as pd

    from miner.cli.series import limited, read_series
    from miner.detector import detect
    from miner.errors import SchemaError
    from miner.exporter import check_writable, write, write_parts
    from miner.sources.labelled import Skipped, read_parts

    check_writable(output)
    check_writable(outages)
    wanted = columns.split(",") if columns else None
    skipped = Skipped()

    def tables() -> Iterator[pd.DataFrame]:
        if outages is None:
            yield from read_parts(table, None, skipped)
        else:
            found = detect(read_series(table), false_alarms=false_alarms)
            write(found.outages, outages)
            yield limited(found.series)

    def parts() -> Iterator[pd.DataFrame]:
        for part in tables():
            missing = [name for name in wanted or () if name not in part.columns]
            if missing:
                raise SchemaError(
                    f"{table}: no column {missing[0]!r}; it has: {', '.join(part.columns)}"
                )
            yield part if wanted is None else part[wanted]

    written = write_parts(parts(), output, spreadsheet=spreadsheet)
    if skipped.reasons:
        click.echo(f"miner: warning: {skipped.summary(table)}", err=True)
    if not quiet:
        click.echo(f"wrote {written:,} rows to {output}", err=True)
