"""The tables of a database, and how those of older versions become those of today.

``PRAGMA user_version`` is the number of migrations that were applied. A migration is
never edited once released; what is wrong with it is mended by the next one. Each runs
in one transaction together with the change of the version, so that a crash leaves the
old version or the new one.

All times are microseconds since 1970-01-01 UTC, intervals half-open. ``candidate.at``
is the time that counting uses: ``created_at``, or ``observed_at`` where that is
earlier. ``candidate.post_key`` and ``author_key`` are the counter's 64-bit hashes,
shifted into SQLite's signed integers with their order kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from miner.store.counting import rebuild

#: "mine" in ASCII: tells a database of this program from others.
APPLICATION_ID: Final = 0x6D696E65

Migration: TypeAlias = Sequence[str | Callable[[sqlite3.Connection], None]]

_TABLES: Final = (
    """
    CREATE TABLE post (
        id INTEGER PRIMARY KEY,
        source TEXT NOT NULL,
        post_id TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        observed_at INTEGER,
        author TEXT,
        text TEXT NOT NULL,
        lang TEXT,
        is_repost INTEGER NOT NULL,
        reply_to TEXT,
        country TEXT,
        edited_at INTEGER,
        raw BLOB,
        UNIQUE (source, post_id)
    )""",
    """
    CREATE TABLE candidate (
        service TEXT NOT NULL,
        at INTEGER NOT NULL,
        post INTEGER NOT NULL REFERENCES post (id),
        post_key INTEGER NOT NULL,
        author_key INTEGER,
        source TEXT NOT NULL,
        lang TEXT,
        country TEXT,
        is_repost INTEGER NOT NULL,
        phrase TEXT,
        symptom_hint TEXT,
        label TEXT NOT NULL,
        p_complaint REAL NOT NULL,
        symptom TEXT,
        model TEXT NOT NULL,
        PRIMARY KEY (service, at, post)
    ) WITHOUT ROWID""",
    "CREATE INDEX candidate_of_post ON candidate (post)",
    (
        "CREATE TABLE tombstone (post_key INTEGER PRIMARY KEY, at INTEGER NOT NULL, "
        "kept INTEGER NOT NULL)"
    ),
    (
        "CREATE TABLE cursor (source TEXT, name TEXT, value TEXT NOT NULL, "
        "moved_at INTEGER NOT NULL, PRIMARY KEY (source, name)) WITHOUT ROWID"
    ),
    (
        'CREATE TABLE watched (source TEXT, service TEXT, "query" TEXT, start INTEGER, '
        'end INTEGER NOT NULL, PRIMARY KEY (source, service, "query", start)) WITHOUT ROWID'
    ),
    (
        "CREATE TABLE gap (source TEXT, service TEXT, start INTEGER, end INTEGER, "
        "reason TEXT, PRIMARY KEY (source, service, start, end, reason)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE break (source TEXT, service TEXT, at INTEGER, reason TEXT, "
        "PRIMARY KEY (source, service, at, reason)) WITHOUT ROWID"
    ),
    """
    CREATE TABLE run (
        id INTEGER PRIMARY KEY,
        source TEXT NOT NULL,
        services TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        ended_at INTEGER,
        outcome TEXT,
        pages INTEGER NOT NULL DEFAULT 0,
        seen INTEGER NOT NULL DEFAULT 0,
        posts INTEGER NOT NULL DEFAULT 0,
        candidates INTEGER NOT NULL DEFAULT 0,
        edits INTEGER NOT NULL DEFAULT 0,
        deletions INTEGER NOT NULL DEFAULT 0,
        skipped INTEGER NOT NULL DEFAULT 0,
        continues INTEGER
    )""",
    (
        "CREATE TABLE spend (id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES run (id), "
        "source TEXT NOT NULL, at INTEGER NOT NULL, micros INTEGER NOT NULL, what TEXT NOT NULL)"
    ),
)

#: Counts a minute, kept up to date with every page, so that a series need not read posts.
_COUNTS: Final = (
    "ALTER TABLE candidate ADD COLUMN counted INTEGER NOT NULL DEFAULT 0",
    (
        "CREATE INDEX complaint_of_author ON candidate (service, author_key, at, post_key) "
        "WHERE label = 'complaint' AND is_repost = 0 AND author_key IS NOT NULL"
    ),
    """
    CREATE TABLE minute (
        service TEXT,
        dimension TEXT,
        at INTEGER,
        value TEXT,
        mentions INTEGER NOT NULL,
        complaints INTEGER NOT NULL,
        recoveries INTEGER NOT NULL,
        chatter INTEGER NOT NULL,
        PRIMARY KEY (service, dimension, at, value)
    ) WITHOUT ROWID""",
    rebuild,
)

#: An account that is gone takes its posts along.
_AUTHORS: Final = ("CREATE INDEX post_of_author ON post (author, source)",)

#: What a platform counted, and what was drawn of it; ``plan`` is a range to be estimated.
_SAMPLES: Final = (
    """
    CREATE TABLE volume (
        source TEXT, service TEXT, "query" TEXT, at INTEGER, mentions INTEGER NOT NULL,
        PRIMARY KEY (source, service, "query", at)
    ) WITHOUT ROWID""",
    """
    CREATE TABLE sample (
        source TEXT, service TEXT, "query" TEXT, start INTEGER, end INTEGER,
        posts INTEGER NOT NULL, PRIMARY KEY (source, service, "query", start, end)
    ) WITHOUT ROWID""",
    """
    CREATE TABLE plan (
        source TEXT, service TEXT, "query" TEXT, start INTEGER, end INTEGER,
        posts INTEGER NOT NULL, PRIMARY KEY (source, service, "query", start, end)
    ) WITHOUT ROWID""",
)

MIGRATIONS: Final[Sequence[Migration]] = (_TABLES, _COUNTS, _AUTHORS, _SAMPLES)
VERSION: Final = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection, to: int = VERSION) -> None:
    """Bring a database to a version; nothing happens where it has it already.

    Each migration is a transaction of its own.
    """
    for number in range(version_of(connection), to):
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another job may have migrated while this one waited for the lock.
            if version_of(connection) == number:
                for step in MIGRATIONS[number]:
                    if isinstance(step, str):
                        connection.execute(step)
                    else:
                        step(connection)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def version_of(connection: sqlite3.Connection) -> int:
    """Number of migrations that were applied."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
