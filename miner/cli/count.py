"""``miner count``."""

from __future__ import annotations

import click

from miner.cli.shared import (
    check_json_output,
    counting_options,
    json_option,
    output_option,
    print_json,
    print_table,
    progress,
    quiet_option,
)


@click.command(
    epilog="""\b
Examples:
  miner count labelled.csv --freq 5min -o series.csv
  miner count labelled.csv --by symptom --freq 1h -o symptoms.csv
  miner count labelled.csv --watched 2022-10-25T06:00Z/2022-10-25T12:00Z -o series.csv
"""
)
@click.argument("labelled", metavar="LABELLED")
@counting_options
@click.option("--service", "services", multiple=True, metavar="NAME", help="Only this; repeatable.")
@output_option
@json_option
@quiet_option
def command(
    labelled: str,
    freq: str,
    by: str | None,
    start: str | None,
    end: str | None,
    watched: tuple[str, ...],
    reposts: str,
    per_author: str,
    services: tuple[str, ...],
    output: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Count a labelled table into a time series.

    LABELLED is the output of `miner label` or `miner mine --posts`: a table with
    created_at and label; service, post_id, source, author, symptom, lang, country and
    is_repost are used where they are. Without a column service all rows are one
    service, "all".
    """
    check_json_output(as_json, output)
    import pandas as pd

    from miner.cli.timeline import timeline
    from miner.counter import instant, interval
    from miner.exporter import check_writable, write
    from miner.sources.labelled import Skipped, read_labelled

    for name, text in (("--from", start), ("--to", end)):
        if text is not None:
            instant(text, name)
    seen = [interval(text) for text in watched]
    check_writable(output)
    skipped = Skipped()
    from miner.counter import Counts
    from miner.counter.count import check_dimension, count, make_rules
    from miner.counter.times import frequency

    frequency(freq)
    check_dimension(by)
    counts = Counts(rules=make_rules(reposts, per_author))
    with progress("counting", quiet=quiet) as line:
        for part in read_labelled(labelled, skipped):
            counts += count(part, reposts=counts.rules.reposts, per_author=per_author)
            line.update(f"{len(counts.rows):,} posts")
    intervals = pd.DataFrame(seen, columns=["start", "end"])
    series = counts.series(
        freq,
        by=by,
        services=services or None,
        watched=intervals.apply(pd.to_datetime, unit="us", utc=True) if seen else None,
        start=start,
        end=end,
    )
    write(series, output)
    if skipped.reasons:
        click.echo(f"miner: warning: {skipped.summary(labelled)}", err=True)
    if as_json:
        print_json({"posts": len(counts.rows), "rows": len(series), "skipped": skipped.reasons})
    elif not quiet:
        for title, columns, rows in timeline(series, by):
            print_table(columns, rows, title=title, err=output == "-")
        click.echo(f"series: {output} ({len(series):,} rows)", err=True)
