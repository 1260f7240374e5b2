"""``miner export``."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from miner.cli.series import false_alarms_option
from miner.cli.shared import output_option, quiet_option

if TYPE_CHECKING:
    import pandas as pd

    from miner.detector import Detected


@click.command(
    epilog="""\b
Examples:
  miner export series.csv -o series.parquet
  miner export series.csv --outages outages.csv -o scored.csv
  miner export labelled.csv --spreadsheet -o for-people.csv
  miner export labelled.csv --columns created_at,text,label -o short.jsonl
  miner export --db outages.db --service whatsapp --freq 5min -o series.csv
  miner export --db outages.db --freq 5min --outages outages.csv -o series.csv
  miner export --db outages.db --posts --ids-only -o ids.csv
  miner export --db outages.db --estimates -o estimates.csv
"""
)
@click.argument("table", metavar="[IN]", required=False)
@output_option
@click.option("--columns", metavar="A,B,…", help="Only these columns, in this order.")
@click.option(
    "--spreadsheet",
    is_flag=True,
    help="Make a CSV safe to open in a spreadsheet: no text can run as a formula.",
)
@click.option("--db", metavar="FILE", help="Export from this database instead of a table.")
@click.option("--service", "services", multiple=True, metavar="NAME", help="Only this; repeatable.")
@click.option("--freq", default="1min", show_default=True, help="Width of a bin: 1s to 1W.")
@click.option("--by", metavar="DIM", help="Split by symptom, lang, country or source.")
@click.option("--source", metavar="NAME", help="Only posts of this source.")
@click.option("--from", "start", metavar="T", help="First time, such as 2022-10-25T06Z.")
@click.option("--to", "end", metavar="T", help="End, exclusive.")
@click.option("--posts", is_flag=True, help="Labelled posts instead of the series.")
@click.option("--estimates", is_flag=True, help="What was estimated on a budget, instead.")
@click.option("--ids-only", is_flag=True, help="With --posts: ids and labels, to share.")
@click.option(
    "--outages",
    metavar="FILE",
    help="Write the outages of a series here; a table gets expected, upper, score, state and "
    "the limits of its complaints where they are empty, as series of a database always do.",
)
@false_alarms_option
@quiet_option
def command(
    table: str | None,
    output: str,
    columns: str | None,
    spreadsheet: bool,
    db: str | None,
    services: tuple[str, ...],
    freq: str,
    by: str | None,
    source: str | None,
    start: str | None,
    end: str | None,
    posts: bool,
    estimates: bool,
    ids_only: bool,
    outages: str | None,
    false_alarms: str,
    quiet: bool,
) -> None:
    """Write a table in another format, or a series or the posts of a database.

    IN is CSV, JSON lines or Parquet, compressed or not; the output is .csv, .parquet
    or .jsonl by its name. With --db the series of the database is written, or its posts.
    """
    from miner.cli.series import limited, read_series
    from miner.detector import detect
    from miner.detector.thresholds import parse
    from miner.estimator import SHIPPED
    from miner.exporter import check_writable, write_parts
    from miner.job.exporting import judged
    from miner.sources.labelled import Skipped, read_parts
    from miner.store import Store

    _check(table, db, freq, posts=posts, estimates=estimates, ids_only=ids_only, outages=outages)
    parse(false_alarms)
    check_writable(output)
    check_writable(outages)
    skipped = Skipped()
    if db is not None:
        store, names = Store(db), _ids(services)
        asked: dict[str, Any] = {"source": source, "start": start, "end": end}
        if estimates:
            parts = iter([store.estimates(names, source or "x")])
        elif posts:
            parts = iter([_posts(store, names, asked, ids_only)])
        else:
            of = functools.partial(store.series, names, freq, **asked)
            rates = SHIPPED["mention", "balanced"]
            found = judged(
                of, freq, by, rates, false_alarms=false_alarms, described=outages is not None
            )
            parts = _with_outages(found, outages)
    elif outages is not None:
        found = detect(read_series(str(table)), false_alarms=false_alarms)
        parts = _with_outages(found._replace(series=limited(found.series)), outages)
    else:
        parts = read_parts(str(table), None, skipped)
    wanted = columns.split(",") if columns else None
    written = write_parts(_chosen(parts, wanted, str(table or db)), output, spreadsheet=spreadsheet)
    if skipped.reasons:
        click.echo(f"miner: warning: {skipped.summary(str(table))}", err=True)
    if not quiet:
        click.echo(f"wrote {written:,} rows to {output}", err=True)


def _check(
    table: str | None,
    db: str | None,
    freq: str,
    *,
    posts: bool,
    estimates: bool,
    ids_only: bool,
    outages: str | None,
) -> None:
    """Which options go together.

    Raises:
        UsageError: these do not.
    """
    from miner.counter import frequency
    from miner.detector import WIDEST
    from miner.errors import UsageError

    if (table is None) == (db is None):
        raise UsageError("name a table, or a database with --db: one of them")
    if ids_only and not posts:
        raise UsageError("--ids-only goes with --posts")
    if estimates and (posts or db is None):
        raise UsageError("--estimates goes with --db, and without --posts")
    if outages is not None and db is not None and frequency(freq).width > WIDEST:
        raise UsageError(f"--freq {freq} is too wide to tell outages in; 1h at most")
    if outages is not None and (posts or estimates):
        raise UsageError("--outages are those of a series: leave out --posts and --estimates")


def _posts(store: Any, names: list[str] | None, asked: dict[str, Any], ids_only: bool) -> Any:
    from miner.job.exporting import SHAREABLE

    found = store.posts(names, asked["start"], asked["end"])
    if asked["source"] is not None:
        found = found[found["source"] == asked["source"]]
    return found[list(SHAREABLE)] if ids_only else found


def _ids(services: tuple[str, ...]) -> list[str] | None:
    """Ids of services named by id, name or alias; names that are not known stay."""
    from miner.lexicon import load_lexicon

    lexicon = load_lexicon()
    return [lexicon.find(name) or name for name in services] or None


def _with_outages(found: Detected, outages: str | None) -> Iterator[pd.DataFrame]:
    """The series; its outages go to their file, if there is one."""
    from miner.exporter import write

    if outages is not None:
        write(found.outages, outages)
    yield found.series


def _chosen(parts: Iterator[Any], wanted: list[str] | None, name: str) -> Iterator[Any]:
    from miner.errors import SchemaError

    for part in parts:
        missing = [column for column in wanted or () if column not in part.columns]
        if missing:
            raise SchemaError(
                f"{name}: no column {missing[0]!r}; it has: {', '.join(part.columns)}"
            )
        yield part if wanted is None else part[wanted]
