"""Counts that a platform gave, and the windows of samples, with the complaints in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from miner.sources.protocol import Window

#: Complaints are counted when they are asked for, so that a new model, an edit or a
#: deletion changes what the sample says.
_WINDOWS: Final = """
    SELECT s.start, s.end, s.posts, (
        SELECT count(*) FROM candidate c
        WHERE c.service = s.service AND c.at >= s.start AND c.at < s.end
            AND c.source = s.source AND c.label = 'complaint' AND c.is_repost = 0
    )
    FROM sample s WHERE s.source = ? AND s.service = ? AND s."query" = ?
        AND s.start >= ? AND s.end <= ? ORDER BY s.start"""


def add_counts(
    connection: sqlite3.Connection,
    source: str,
    service: str,
    query: str,
    counts: Sequence[tuple[int, int]],
) -> None:
    """Note how many posts a platform counted, by minute; the last answer holds."""
    connection.executemany(
        "INSERT INTO volume VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "mentions = excluded.mentions",
        [(source, service, query, at, mentions) for at, mentions in counts],
    )


def add_window(
    connection: sqlite3.Connection, source: str, service: str, query: str, window: Window
) -> None:
    """Note a window of a sample."""
    connection.execute(
        "INSERT OR REPLACE INTO sample VALUES (?, ?, ?, ?, ?, ?)",
        (source, service, query, window.start, window.end, window.posts),
    )


def add_plan(
    connection: sqlite3.Connection,
    source: str,
    service: str,
    query: str,
    span: tuple[int, int],
    n_posts: int,
) -> None:
    """Note a range whose complaints are estimated, and what its strata depend on."""
    connection.execute(
        "INSERT OR REPLACE INTO plan VALUES (?, ?, ?, ?, ?, ?)",
        (source, service, query, *span, n_posts),
    )


def read_plans(
    connection: sqlite3.Connection, source: str, service: str
) -> list[tuple[str, int, int, int]]:
    """Query, start, end and posts of every plan of a source and service, by time."""
    return connection.execute(
        'SELECT "query", start, end, posts FROM plan WHERE source = ? AND service = ? '
        "ORDER BY start, end",
        (source, service),
    ).fetchall()


def read_counts(
    connection: sqlite3.Connection, source: str, service: str, query: str, span: tuple[int, int]
) -> list[tuple[int, int]]:
    """Minutes and their mentions, by time."""
    return connection.execute(
        "SELECT at, mentions FROM volume WHERE source = ? AND service = ? "
        'AND "query" = ? AND at >= ? AND at < ? ORDER BY at',
        (source, service, query, *span),
    ).fetchall()


def read_windows(
    connection: sqlite3.Connection, source: str, service: str, query: str, span: tuple[int, int]
) -> dict[tuple[int, int], tuple[int, int]]:
    """Posts and complaints of each window that was drawn."""
    rows = connection.execute(_WINDOWS, (source, service, query, *span))
    # What was deleted since is no longer a complaint, but was a post; never the reverse.
    return {(start, end): (max(n, found), found) for start, end, n, found in rows}
