"""Runs, and the money they spent.

A run that was killed has no end. The next run of the same source continues it: its
budget is what the killed one left.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from miner.errors import BudgetError
from miner.sources.protocol import Page

if TYPE_CHECKING:
    from miner.store.writer import Stored

#: Millionths of a US dollar in one.
DOLLAR: Final = 1_000_000


def begin_run(
    connection: sqlite3.Connection, source: str, services: tuple[str, ...], now: int
) -> int:
    """Number of a new run; it continues the source's last one where that has no end."""
    last = connection.execute(
        "SELECT id, continues, ended_at FROM run WHERE source = ? ORDER BY id DESC LIMIT 1",
        (source,),
    ).fetchone()
    continues = None
    if last is not None and last[2] is None:
        continues = last[0] if last[1] is None else last[1]
        connection.execute(
            "UPDATE run SET ended_at = ?, outcome = 'killed' WHERE id = ?", (now, last[0])
        )
    number = connection.execute(
        "INSERT INTO run (source, services, started_at, continues) VALUES (?, ?, ?, ?)",
        (source, ",".join(services), now, continues),
    ).lastrowid
    assert number is not None
    return number


def end_run(connection: sqlite3.Connection, run: int, outcome: str, now: int) -> None:
    """Note how a run ended."""
    connection.execute("UPDATE run SET ended_at = ?, outcome = ? WHERE id = ?", (now, outcome, run))


def add_to_run(connection: sqlite3.Connection, run: int, page: Page, stored: Stored) -> None:
    """Add a page to the numbers of its run."""
    connection.execute(
        "UPDATE run SET pages = pages + 1, seen = seen + ?, posts = posts + ?, "
        "candidates = candidates + ?, edits = edits + ?, deletions = deletions + ?, "
        "skipped = skipped + ? WHERE id = ?",
        (
            page.seen,
            stored.posts,
            stored.candidates,
            stored.edits,
            stored.deletions,
            sum(page.skipped.values()),
            run,
        ),
    )


def spent(connection: sqlite3.Connection, run: int) -> int:
    """Micros spent by a run and the killed ones that it continues."""
    (total,) = connection.execute(
        "SELECT ifnull(sum(micros), 0) FROM spend JOIN run ON run.id = spend.run, "
        "(SELECT ifnull(continues, id) AS first FROM run WHERE id = ?) "
        "WHERE run.id = first OR run.continues = first",
        (run,),
    ).fetchone()
    return int(total)


def spent_since(connection: sqlite3.Connection, source: str, at: int) -> int:
    """Micros a source spent from a time on (microseconds since 1970 UTC)."""
    (total,) = connection.execute(
        "SELECT ifnull(sum(micros), 0) FROM spend WHERE source = ? AND at >= ?", (source, at)
    ).fetchone()
    return int(total)


def charge(
    connection: sqlite3.Connection, run: int, micros: int, what: str, budget: int | None, now: int
) -> None:
    """Record what the next request costs, before it is sent.

    Raises:
        BudgetError: the request would go beyond the budget; nothing is recorded.
    """
    already = spent(connection, run)
    if budget is not None and already + micros > budget:
        raise BudgetError(
            f"the budget of {budget / DOLLAR:.2f} USD leaves "
            f"{(budget - already) / DOLLAR:.4f} USD, and {what} costs {micros / DOLLAR:.4f} USD"
        )
    connection.execute(
        "INSERT INTO spend (run, source, at, micros, what) "
        "SELECT id, source, ?, ?, ? FROM run WHERE id = ?",
        (now, micros, what, run),
    )
