"""What was watched: intervals for each source, service and version of its query."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from miner.sources.protocol import Break, Gap

_SAME: Final = 'source = ? AND service = ? AND "query" = ?'


def add_watched(
    connection: sqlite3.Connection, source: str, service: str, query: str, start: int, end: int
) -> None:
    """Add an interval; it is joined with those of the same query that it touches.

    Where the query differs from that of the service's latest interval, a break is noted.
    """
    if end <= start:
        return
    latest = connection.execute(
        'SELECT "query" FROM watched WHERE source = ? AND service = ? ORDER BY end DESC LIMIT 1',
        (source, service),
    ).fetchone()
    if latest is not None and latest[0] != query:
        add_break(connection, source, service, Break(start, "the query or its lexicon changed"))
    key = (source, service, query)
    touching = f"{_SAME} AND start <= ? AND end >= ?"
    first, last = connection.execute(
        f"SELECT min(start), max(end) FROM watched WHERE {touching}",
        (*key, end, start),
    ).fetchone()
    if first is not None:
        connection.execute(
            f"DELETE FROM watched WHERE {touching}",
            (*key, end, start),
        )
        start, end = min(first, start), max(last, end)
    connection.execute("INSERT INTO watched VALUES (?, ?, ?, ?, ?)", (*key, start, end))


def add_gap(connection: sqlite3.Connection, source: str, service: str, gap: Gap) -> None:
    """Note an interval that is lost for good."""
    if gap.start < gap.end:
        connection.execute(
            "INSERT OR IGNORE INTO gap VALUES (?, ?, ?, ?, ?)",
            (source, service, gap.start, gap.end, gap.reason),
        )


def add_break(connection: sqlite3.Connection, source: str, service: str, mark: Break) -> None:
    """Note a time from which the series is not comparable with before."""
    connection.execute(
        "INSERT OR IGNORE INTO break VALUES (?, ?, ?, ?)",
        (source, service, mark.at, mark.reason),
    )


def concerned(mark: Gap | Break, services: Iterable[str]) -> list[str]:
    """The services of a gap or break: its own, or all of the page."""
    return [mark.service] if mark.service is not None else list(services)
