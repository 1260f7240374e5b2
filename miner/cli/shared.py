"""Options, progress and tables that several commands share."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import click

from miner.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

output_option = click.option(
    "-o",
    "--output",
    default="-",
    show_default="standard output",
    metavar="FILE",
    help="File to write; .csv, .parquet or .jsonl by its name.",
)
purpose_option = click.option(
    "--purpose",
    type=click.Choice(["balanced", "precise", "sensitive"]),
    default="balanced",
    show_default=True,
    help="How sure a complaint must be.",
)
db_option = click.option("--db", required=True, metavar="FILE", help="The database (SQLite).")


def config_option(*, required: bool) -> Callable[[F], F]:
    """``--config``."""
    return click.option(
        "--config", required=required, metavar="FILE", help="The configuration (see miner init)."
    )


quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress, no summary.")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Summary as JSON on standard output, for programs."
)


def counting_options(function: F) -> F:
    """Options of commands that count."""
    for option in reversed(
        [
            click.option(
                "--freq",
                default="1min",
                show_default=True,
                help="Width of a bin: 1s to 1W, such as 30s, 5min, 1h.",
            ),
            click.option(
                "--by",
                metavar="DIM",
                help="Split by symptom, lang, country or source.",
            ),
            click.option("--from", "start", metavar="T", help="First bin, such as 2022-10-25T06Z."),
            click.option("--to", "end", metavar="T", help="End of the last bin, exclusive."),
            click.option(
                "--watched",
                multiple=True,
                metavar="A/B",
                help="When posts were collected, from A to B; repeat for several. Default: from "
                "the first to the last record of each file.",
            ),
            click.option(
                "--reposts",
                type=click.Choice(["exclude", "include"]),
                default="exclude",
                show_default=True,
                help="Whether reposts count as posts.",
            ),
            click.option(
                "--per-author",
                default="1h",
                show_default=True,
                metavar="WINDOW",
                help='One complaint an author and service in this window; "off" counts each.',
            ),
        ]
    ):
        function = option(function)
    return function


def check_json_output(as_json: bool, output: str | None) -> None:
    """Refuse two things on standard output at once."""
    if as_json and output == "-":
        raise UsageError("--json prints on standard output; give the table a file with -o")


def print_json(value: object) -> None:
    """A value as JSON on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


class Progress:
    """A line of progress on standard error; silent where that is not a terminal."""

    def __init__(self, *, quiet: bool, what: str) -> None:
        self._what = what
        self._show = not quiet and sys.stderr.isatty()
        self._began = time.monotonic()
        self._last = 0.0

    def update(self, text: str) -> None:
        """Show the text, at most ten times a second."""
        now = time.monotonic()
        if self._show and now - self._last > 0.1:
            self._last = now
            line = f"{self._what}: {text}, {now - self._began:.0f} s"
            click.echo(f"\r\x1b[K{line}", nl=False, err=True)

    def done(self) -> None:
        """Clear the line."""
        if self._show:
            click.echo("\r\x1b[K", nl=False, err=True)


@contextlib.contextmanager
def progress(what: str, *, quiet: bool) -> Iterator[Progress]:
    """A progress line that is gone when the block ends."""
    line = Progress(quiet=quiet, what=what)
    try:
        yield line
    finally:
        line.done()


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, err: bool = False, title: str = ""
) -> None:
    """A table for people; numbers to the right, texts as they are."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for index, name in enumerate(columns):
        numeric = all(isinstance(row[index], int | float) or row[index] is None for row in rows)
        is_text = name in {"text", "called"}
        table.add_column(
            name,
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=not is_text and len(columns) > 2,
        )
    for row in rows:
        # Text, not markup: what comes from posts must not style the terminal.
        table.add_row(*(Text(_cell(cell)) for cell in row))
    Console(stderr=err, highlight=False, soft_wrap=False).print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value)
