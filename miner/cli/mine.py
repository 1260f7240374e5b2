"""``miner mine``."""

from __future__ import annotations

from typing import Any

import click

from miner.cli.series import false_alarms_option
from miner.cli.shared import (
    check_json_output,
    counting_options,
    json_option,
    print_json,
    print_table,
    progress,
    purpose_option,
    quiet_option,
)


@click.command(
    epilog="""\b
Examples:
  miner mine data/demo --service whatsapp --freq 5min -o whatsapp.csv
  miner mine data/demo --service whatsapp --outages outages.csv -o whatsapp.csv
  miner mine data/demo --by symptom --freq 15min --posts labelled.csv -o symptoms.csv
  miner mine data/demo --from 2022-10-25T06:30Z --to 2022-10-25T08:00Z -o - | head -3
  cat posts.jsonl | miner mine - --format plain -o series.csv
"""
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--service", "services", multiple=True, metavar="NAME", help="Only this; repeatable.")
@counting_options
@click.option(
    "--mode",
    type=click.Choice(["phrase", "mention"]),
    default="phrase",
    show_default=True,
    help="phrase: service and complaint phrase; mention: the service alone, the model decides.",
)
@click.option(
    "--recognise-language",
    "recognise",
    is_flag=True,
    help="Tell the language of posts that come without one (see miner[language]).",
)
@click.option("--lexicon", metavar="FILE", help="Your own services and phrases (TOML).")
@click.option("--format", "format_", metavar="NAME", help="Read only this format.")
@click.option("--model", metavar="FILE", help="A model of your own.")
@purpose_option
@click.option("--outages", metavar="FILE", help="Write the outages that the series shows here.")
@false_alarms_option
@click.option("--posts", metavar="FILE", help="Write the labelled posts here (.csv or .parquet).")
@click.option(
    "--spreadsheet",
    is_flag=True,
    help="Make --posts safe to open in a spreadsheet: no text can run as a formula.",
)
@click.option(
    "-o",
    "--output",
    default="-",
    show_default="standard output",
    metavar="FILE",
    help="The series; .csv, .parquet or .jsonl by its name.",
)
@json_option
@quiet_option
def command(
    paths: tuple[str, ...],
    services: tuple[str, ...],
    freq: str,
    by: str | None,
    start: str | None,
    end: str | None,
    watched: tuple[str, ...],
    reposts: str,
    per_author: str,
    mode: Any,
    recognise: bool,
    lexicon: str | None,
    format_: str | None,
    model: str | None,
    purpose: str,
    outages: str | None,
    false_alarms: str,
    posts: str | None,
    spreadsheet: bool,
    output: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Mine archives for an outage time series.

    PATH is a file, a folder, a pattern such as 'archive/*.zst', or "-" for standard
    input. Formats (Twitter v1.1 and v2, Bluesky Jetstream, Mastodon, Reddit and
    Pushshift, CSV, JSON lines, Parquet) and compression (.gz .bz2 .xz .zst) are
    recognised from the content.
    """
    check_json_output(as_json, output)
    from miner.classifier import load
    from miner.cli.series import say_outages
    from miner.cli.timeline import timeline
    from miner.counter import instant, interval
    from miner.detector import detect
    from miner.detector.thresholds import parse
    from miner.errors import InputError, UsageError
    from miner.exporter import check_writable, write
    from miner.lexicon import load_lexicon
    from miner.mining import Options, mine

    options = Options(
        services=services or None,
        freq=freq,
        by=by,
        start=None if start is None else instant(start, "--from"),
        end=None if end is None else instant(end, "--to"),
        mode=mode,
        recognise=recognise,
        lexicon=load_lexicon(lexicon),
        format=format_,
        watched=[interval(text) for text in watched],
        reposts=reposts,
        per_author=per_author,
        purpose=purpose,
        model=None if model is None else load(model),
        posts=posts,
        spreadsheet=spreadsheet,
        also_by=("symptom", "country") if outages else (),
    )
    parse(false_alarms)
    check_writable(output)
    check_writable(outages)
    check_writable(posts)
    with progress("mining", quiet=quiet) as line:
        mined = mine(
            list(paths),
            options,
            lambda report: line.update(f"file {len(report.files)}, {report.posts:,} posts"),
        )
    try:
        found = detect(mined.series, false_alarms=false_alarms, split=mined.split)
    except (InputError, UsageError):
        if outages is not None:
            raise
        found = None  # too few bins, or too wide ones: there is still a series
    series = mined.series if found is None else found.series
    if found is not None and outages:
        write(found.outages, outages)
    write(series, output)
    if as_json:
        print_json(
            {
                "input": mined.report.to_json(),
                "labels": mined.labels,
                "outside_watched": mined.outside,
                "flooded": mined.flooded,
                "rows": len(series),
                "series": output,
                "posts": posts,
                "outages": outages,
            }
        )
    elif not quiet:
        click.echo(mined.report.summary(), err=True)
        for text in _remarks(mined.labels, mined.outside, mined.flooded):
            click.echo(text, err=True)
        to_people = output != "-"
        for title, columns, rows in timeline(series, by):
            print_table(columns, rows, title=title, err=not to_people)
        if found is not None and (outages or len(found.outages)):
            say_outages(found.outages, err=not to_people)
        if to_people:
            click.echo(f"series: {output} ({len(series):,} rows)", err=True)
        if posts:
            click.echo(f"posts: {posts} ({mined.written:,} rows)", err=True)
        if found is not None and outages:
            click.echo(f"outages: {outages} ({len(found.outages):,} rows)", err=True)


def _remarks(labels: dict[str, int], outside: int, flooded: int) -> list[str]:
    found = ", ".join(f"{n:,} {name}" for name, n in sorted(labels.items()))
    remarks = [f"matched: {found}" if found else "matched: nothing; try --mode mention"]
    if outside:
        remarks.append(f"not counted: {outside:,} matched posts at times outside what was watched")
    if flooded:
        remarks.append(f"copy-paste: {flooded:,} accounts posted texts that many others posted too")
    return remarks
