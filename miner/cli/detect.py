"""``miner detect``."""

from __future__ import annotations

import click

from miner.cli.series import false_alarms_option
from miner.cli.shared import check_json_output, json_option, print_json, quiet_option


@click.command(
    epilog="""\b
Examples:
  miner detect series.csv -o outages.csv
  miner detect series.csv -o outages.csv --scored scored.csv --false-alarms 1/month
"""
)
@click.argument("series", metavar="SERIES")
@click.option(
    "-o",
    "--output",
    default="-",
    show_default="standard output",
    metavar="FILE",
    help="The outages; .csv, .parquet or .jsonl by its name.",
)
@click.option(
    "--scored",
    metavar="FILE",
    help="Write the series with expected, upper, score and state of every bin here.",
)
@false_alarms_option
@json_option
@quiet_option
def command(
    series: str, output: str, scored: str | None, false_alarms: str, as_json: bool, quiet: bool
) -> None:
    """Find the outages of a series.

    SERIES is what `miner mine` or `miner count` write, or any table with bin_start and
    complaints (empty: not watched), and optionally service, coverage, mentions, authors
    and chatter. Bins are even, 1 second to 1 hour wide. The state of a bin uses that bin
    and earlier ones only.
    """
    check_json_output(as_json, output)
    from miner.cli.series import read_series, say_outages
    from miner.detector import detect
    from miner.detector.thresholds import parse
    from miner.exporter import check_writable, write

    parse(false_alarms)
    check_writable(output)
    check_writable(scored)
    found = detect(read_series(series), false_alarms=false_alarms)
    write(found.outages, output)
    if scored:
        write(found.series, scored)
    if as_json:
        states = found.series["state"].value_counts()
        print_json(
            {
                "outages": len(found.outages),
                "lasting": int(found.outages["end"].isna().sum()),
                "bins": len(found.series),
                "states": {str(name): int(n) for name, n in states.items()},
            }
        )
    elif not quiet:
        say_outages(found.outages, err=output == "-")
