"""Forgetting posts, and with them what they gave to the counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from miner.store.counting import HOUR, Minutes
from miner.store.rows import remove_candidates, remove_post
from miner.store.tombstones import bury
from miner.store.writer import Writer


def forget_post(writer: Writer, source: str, post_id: str, now: int) -> int:
    """Remove a post for good: it does not come back when it is seen again.

    Returns:
        1, or 0 where it was not stored; it is kept out in any case.
    """
    with writer.transaction() as connection:
        found = connection.execute(
            "SELECT id, source, post_id FROM post WHERE source = ? AND post_id = ?",
            (source, post_id),
        ).fetchall()
        bury(connection, source, post_id, now, kept=True)
        _remove(connection, found, now)
    _wipe(writer)
    return len(found)


def forget_author(writer: Writer, author: str, now: int) -> int:
    """Remove all posts of an author, by hash; returns how many there were.

    They do not come back; new posts of the author do come.
    """
    with writer.transaction() as connection:
        found = connection.execute(
            "SELECT id, source, post_id FROM post WHERE author = ?", (author,)
        ).fetchall()
        _remove(connection, found, now)
    _wipe(writer)
    return len(found)


def forget_before(writer: Writer, when: int) -> int:
    """Remove all posts older than a time, rounded down to the full hour.

    What was watched before it is forgotten as well: the series has null there, for
    zeros would say that nobody complained.

    Args:
        writer: the database.
        when: microseconds since 1970 UTC.

    Returns:
        How many posts there were.
    """
    until = when - when % HOUR
    with writer.transaction() as connection:
        connection.execute("CREATE TEMP TABLE IF NOT EXISTS old (id INTEGER PRIMARY KEY)")
        connection.execute("DELETE FROM temp.old")
        services = connection.execute("SELECT DISTINCT service FROM candidate").fetchall()
        for (service,) in services:
            connection.execute(
                "INSERT OR IGNORE INTO temp.old "
                "SELECT post FROM candidate WHERE service = ? AND at < ?",
                (service, until),
            )
            connection.execute(
                "DELETE FROM candidate WHERE service = ? AND at < ?", (service, until)
            )
        connection.execute("DELETE FROM minute WHERE at < ?", (until,))
        n_posts = connection.execute(
            "DELETE FROM post WHERE id IN (SELECT id FROM temp.old)"
        ).rowcount
        connection.execute("DELETE FROM watched WHERE end <= ?", (until,))
        connection.execute(
            "UPDATE OR REPLACE watched SET start = ? WHERE start < ?", (until, until)
        )
        connection.execute("DELETE FROM gap WHERE end <= ?", (until,))
        connection.execute("DELETE FROM break WHERE at < ?", (until,))
        # A sample without its posts would say that none was a complaint.
        connection.execute("DELETE FROM plan WHERE start < ?", (until,))
        connection.execute("DELETE FROM sample WHERE start < ?", (until,))
        connection.execute("DELETE FROM volume WHERE at < ?", (until,))
    _wipe(writer)
    return n_posts


def _remove(
    connection: sqlite3.Connection, posts: Sequence[tuple[int, str, str]], now: int
) -> None:
    minutes = Minutes()
    for number, source, post_id in posts:
        bury(connection, source, post_id, now, kept=True)
        remove_candidates(connection, minutes, number)
        remove_post(connection, number)
    minutes.write(connection)


def _wipe(writer: Writer) -> None:
    """Bring the changes into the file: the log beside it still holds the old pages."""
    writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
