"""Posts that must not come back: taken back on the platform, or forgotten here.

Only the hash of a post's source and id is kept. Notices about posts that were never
stored are kept for two days, in case a stream gives a deletion before the post; those
about posts that were, for good.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from miner.counter.rows import post_key
from miner.counter.times import DAY
from miner.store.counting import signed

_MEMORY: Final = 2 * DAY


def bury(connection: sqlite3.Connection, source: str, post_id: str, at: int, *, kept: bool) -> None:
    """Note that a post was taken back."""
    connection.execute(
        "INSERT INTO tombstone VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET "
        "kept = max(kept, excluded.kept)",
        (signed(post_key(source, post_id)), at, int(kept)),
    )


def is_buried(connection: sqlite3.Connection, source: str, post_id: str) -> bool:
    """Whether a post was taken back."""
    key = signed(post_key(source, post_id))
    found = connection.execute("SELECT 1 FROM tombstone WHERE post_key = ?", (key,)).fetchone()
    return found is not None


def prune(connection: sqlite3.Connection, now: int) -> None:
    """Drop notices about posts that were never stored, once they are old."""
    connection.execute("DELETE FROM tombstone WHERE kept = 0 AND at < ?", (now - _MEMORY,))
