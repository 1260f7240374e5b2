"""Whether a database is whole: its file, its references, its counts."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from miner.store.connecting import rescue
from miner.store.counting import MINUTE, SPLITS, floor_sql, rebuild
from miner.store.writer import Writer


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: what was looked at.
        fault: what is wrong with it, and what to do; None where all is well.
    """

    what: str
    fault: str | None = None


def check(writer: Writer, *, is_thorough: bool = False) -> list[Finding]:
    """Findings about a database; nothing is changed.

    Args:
        writer: the database.
        is_thorough: also compare every index with its table, which takes minutes for
            gigabytes.
    """
    connection, path = writer.connection, writer.path
    file = _file(connection, is_thorough, rescue(path))
    if file.fault is not None:
        return [file]  # what stands in damaged pages says nothing
    return [
        file,
        _references(connection),
        _counts(connection, f"`miner doctor --db {path} --repair` makes them anew"),
    ]


def repair(writer: Writer) -> None:
    """Make the counts anew from the posts, and drop what has lost its post."""
    with writer.transaction() as connection:
        connection.execute("DELETE FROM candidate WHERE post NOT IN (SELECT id FROM post)")
        connection.execute("DELETE FROM post WHERE id NOT IN (SELECT post FROM candidate)")
        rebuild(connection)


def _file(connection: sqlite3.Connection, is_thorough: bool, advice: str) -> Finding:
    pragma = "integrity_check" if is_thorough else "quick_check"
    try:
        (said,) = connection.execute(f"PRAGMA {pragma}(1)").fetchone()
    except sqlite3.DatabaseError as error:
        said = str(error)
    return Finding("pages of the file", None if said == "ok" else f"{said}; {advice}")


def _references(connection: sqlite3.Connection) -> Finding:
    (strays,) = connection.execute(
        "SELECT count(*) FROM candidate WHERE post NOT IN (SELECT id FROM post)"
    ).fetchone()
    (bare,) = connection.execute(
        "SELECT count(*) FROM post WHERE id NOT IN (SELECT post FROM candidate)"
    ).fetchone()
    fault = f"{strays} labels without a post, {bare} posts without a label"
    return Finding("posts and labels", f"{fault}; --repair drops them" if strays + bare else None)


def _counts(connection: sqlite3.Connection, advice: str) -> Finding:
    """Whether the counts a minute are those of the posts."""
    for dimension in ("", *SPLITS):
        value = f"ifnull({dimension}, '')" if dimension else "''"
        true = (
            f"SELECT service, {floor_sql('at', MINUTE)}, {value}, count(*), sum(counted), "
            "sum(label = 'recovery'), sum(label = 'chatter') FROM candidate "
            "WHERE is_repost = 0 GROUP BY 1, 2, 3"
        )
        kept = (
            "SELECT service, at, value, mentions, complaints, recoveries, chatter FROM minute "
            f"WHERE dimension = '{dimension}'"
        )
        for one, other in ((true, kept), (kept, true)):
            found = connection.execute(f"SELECT * FROM ({one} EXCEPT {other}) LIMIT 1").fetchone()
            if found is not None:
                return Finding("counts a minute", f"differ from the posts ({found[0]}); {advice}")
    return Finding("counts a minute")
