"""Which complaints count, and counts a minute, kept up to date row by row.

The rules are the counter's by default: reposts left out, one complaint an author,
service and hour, the earliest of them. Each change of a row gives a change of at most
two counts, so that the sums are always those that counting all rows would give.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from typing import Final, NamedTuple

from miner.counter.tally import Rules
from miner.counter.times import SECOND

RULES: Final = Rules()
MINUTE: Final = 60 * SECOND
HOUR: Final = 3_600 * SECOND
#: Dimensions of the table ``minute``, after the whole.
SPLITS: Final = ("symptom", "lang", "country", "source")
_OFFSET: Final = 1 << 63


class Row(NamedTuple):
    """What counting needs of a row of ``candidate``."""

    service: str
    at: int
    post: int
    post_key: int
    author_key: int | None
    label: str
    symptom: str | None
    lang: str | None
    country: str | None
    source: str
    is_repost: int
    counted: int = 0


#: The columns of a :class:`Row`, in order.
COLUMNS: Final = ", ".join(Row._fields)


def signed(key: int) -> int:
    """A 64-bit hash as SQLite's signed integer, order kept."""
    return key - _OFFSET


class Minutes:
    """Changes of the table ``minute``, gathered and written together."""

    def __init__(self) -> None:
        self._changes: defaultdict[tuple[str, str, int, str], list[int]] = defaultdict(
            lambda: [0, 0, 0, 0]
        )

    def add(self, row: Row, sign: int, *, complaint_only: bool = False) -> None:
        """Count a row (``sign`` 1) or take it out (-1); or only its being counted."""
        if row.is_repost:
            return
        minute = row.at - row.at % MINUTE
        n_complaints = sign if row.counted else 0
        change = (
            (0, n_complaints, 0, 0)
            if complaint_only
            else (
                sign,
                n_complaints,
                sign * (row.label == "recovery"),
                sign * (row.label == "chatter"),
            )
        )
        for dimension in ("", *SPLITS):
            value = getattr(row, dimension) if dimension else ""
            sums = self._changes[row.service, dimension, minute, value or ""]
            for place, step in enumerate(change):
                sums[place] += step

    def write(self, connection: sqlite3.Connection) -> None:
        """Apply the changes to the table."""
        keys = [(key, sums) for key, sums in self._changes.items() if any(sums)]
        connection.executemany(
            "INSERT INTO minute VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "mentions = mentions + excluded.mentions, "
            "complaints = complaints + excluded.complaints, "
            "recoveries = recoveries + excluded.recoveries, "
            "chatter = chatter + excluded.chatter",
            [(*key, *sums) for key, sums in keys],
        )
        # A value without a post must not show up as a row of zeros.
        connection.executemany(
            "DELETE FROM minute WHERE service = ? AND dimension = ? AND at = ? AND value = ? "
            "AND mentions = 0",
            [key for key, sums in keys if sums[0] < 0],
        )
        self._changes.clear()


def add_row(connection: sqlite3.Connection, row: Row, minutes: Minutes) -> int:
    """Whether a new row counts as a complaint; the one it displaces no longer does.

    To be called before the row is in the table.
    """
    flag = int(row.label == "complaint" and not row.is_repost)
    if flag and row.author_key is not None:
        # The earliest is the one that counts.
        rival = next(iter(complaints_of_author(connection, row)), None)
        if rival is not None:
            if (row.at, row.post_key) < (rival.at, rival.post_key):
                _mark(connection, rival, 0)
                minutes.add(rival, -1, complaint_only=True)
            else:
                flag = 0
    minutes.add(row._replace(counted=flag), 1)
    return flag


def remove_row(connection: sqlite3.Connection, row: Row, minutes: Minutes) -> None:
    """Take a row out of the counts; the author's next complaint of the hour counts instead.

    To be called when the row has left the table.
    """
    minutes.add(row, -1)
    if row.counted and row.author_key is not None:
        heirs = complaints_of_author(connection, row)
        if heirs:
            promoted = heirs[0]._replace(counted=1)
            _mark(connection, promoted, 1)
            minutes.add(promoted, 1, complaint_only=True)


#: Named, for the planner may take the key of the table and read whole hours.
_BY_AUTHOR: Final = "candidate INDEXED BY complaint_of_author"
_SAME_AUTHOR: Final = (
    "service = ? AND author_key = ? AND at >= ? AND at < ? "
    "AND label = 'complaint' AND is_repost = 0 AND author_key IS NOT NULL"
)


def _author_hour(row: Row) -> tuple[str, int | None, int, int]:
    start = row.at - row.at % HOUR
    return row.service, row.author_key, start, start + HOUR


def complaints_of_author(connection: sqlite3.Connection, row: Row) -> list[Row]:
    """Complaints of a row's author about its service in its hour, the earliest first."""
    found = connection.execute(
        f"SELECT {COLUMNS} FROM {_BY_AUTHOR} WHERE {_SAME_AUTHOR} ORDER BY at, post_key",
        _author_hour(row),
    )
    return [Row(*values) for values in found]


def _mark(connection: sqlite3.Connection, row: Row, flag: int) -> None:
    connection.execute(
        "UPDATE candidate SET counted = ? WHERE service = ? AND at = ? AND post = ?",
        (flag, row.service, row.at, row.post),
    )


def rebuild(connection: sqlite3.Connection) -> None:
    """Make the counts anew from all rows; for migrations, relabelling and repair."""
    minute = floor_sql("at", MINUTE)
    earlier = (
        "SELECT 1 FROM candidate c INDEXED BY complaint_of_author "
        "WHERE c.service = candidate.service "
        "AND c.author_key = candidate.author_key "
        f"AND c.at >= {floor_sql('candidate.at', HOUR)} AND c.at <= candidate.at "
        "AND (c.at, c.post_key) < (candidate.at, candidate.post_key) "
        "AND c.label = 'complaint' AND c.is_repost = 0 AND c.author_key IS NOT NULL"
    )
    connection.execute(
        "UPDATE candidate SET counted = 1 - counted WHERE counted <> "
        "(label = 'complaint' AND is_repost = 0 "
        f"AND (author_key IS NULL OR NOT EXISTS ({earlier})))"
    )
    connection.execute("DELETE FROM minute")
    for dimension in ("", *SPLITS):
        value = f"ifnull({dimension}, '')" if dimension else "''"
        connection.execute(
            f"INSERT INTO minute SELECT service, '{dimension}', {minute}, {value}, count(*), "
            "sum(counted), sum(label = 'recovery'), sum(label = 'chatter') "
            "FROM candidate WHERE is_repost = 0 GROUP BY 1, 3, 4"
        )


def floor_sql(column: str, width: int) -> str:
    """SQL of a time floored to a width; SQLite's % alone rounds times before 1970 up."""
    return f"({column} - (({column} % {width}) + {width}) % {width})"
