"""The state of a collection: what came last, what was watched, what was lost and why."""

from __future__ import annotations

import itertools
import sqlite3
from typing import Any, Final

from miner.counter.times import DAY, SECOND, union

_RUN: Final = (
    "id",
    "source",
    "services",
    "started_at",
    "ended_at",
    "outcome",
    "pages",
    "seen",
    "posts",
    "candidates",
    "edits",
    "deletions",
    "skipped",
)


def read_status(connection: sqlite3.Connection, now: int) -> dict[str, object]:
    """What ``miner status`` shows, as JSON values; times in microseconds since 1970 UTC."""
    (n_posts,) = connection.execute("SELECT count(*) FROM post").fetchone()
    return {
        "now": now,
        "posts": n_posts,
        "pulls": [
            _pull(connection, source, service, now)
            for source, service in connection.execute(
                "SELECT source, service FROM watched UNION SELECT source, service FROM plan "
                "ORDER BY source, service"
            ).fetchall()
        ],
        "runs": _last_runs(connection),
        "spend": [
            {"source": source, "micros": micros, "requests": requests}
            for source, micros, requests in connection.execute(
                "SELECT source, sum(micros), count(*) FROM spend GROUP BY source ORDER BY source"
            )
        ],
    }


def _pull(connection: sqlite3.Connection, source: str, service: str, now: int) -> dict[str, Any]:
    """The state of one source and service."""
    watched = union(
        connection.execute(
            "SELECT start, end FROM watched WHERE source = ? AND service = ?", (source, service)
        ).fetchall()
    )
    (last_post,) = connection.execute(
        "SELECT max(at) FROM candidate WHERE service = ? AND source = ? AND at <= ?",
        (service, source, now),
    ).fetchone()
    day = [(max(start, now - DAY), min(end, now)) for start, end in watched if end > now - DAY]
    (estimated_until,) = connection.execute(
        "SELECT max(end) FROM plan WHERE source = ? AND service = ?", (source, service)
    ).fetchone()
    watched_until = watched[-1][1] if watched else None
    # What is counted and sampled on a budget is up to date without being watched.
    until = max(at for at in (watched_until, estimated_until) if at is not None)
    return {
        "source": source,
        "service": service,
        "watched_until": watched_until,
        "estimated_until": estimated_until,
        "lag_seconds": round(max(0, now - until) / SECOND, 3),
        "last_post": last_post,
        "coverage_of_last_day": sum(max(0, end - start) for start, end in day) / DAY,
        "gaps_of_last_day": _gaps(connection, source, service, watched, now),
        "breaks": [
            {"at": at, "reason": reason}
            for at, reason in connection.execute(
                "SELECT at, reason FROM break WHERE source = ? AND service = ? ORDER BY at DESC "
                "LIMIT 5",
                (source, service),
            )
        ],
    }


def _gaps(
    connection: sqlite3.Connection,
    source: str,
    service: str,
    watched: list[tuple[int, int]],
    now: int,
) -> list[dict[str, Any]]:
    """Intervals of the last day between two watched ones, with the reason where one is known."""
    gaps = []
    for (_, start), (end, _) in itertools.pairwise(watched):
        if end <= now - DAY:
            continue
        reasons = connection.execute(
            "SELECT DISTINCT reason FROM gap WHERE source = ? AND service = ? "
            "AND start < ? AND end > ?",
            (source, service, end, start),
        ).fetchall()
        reason = "; ".join(text for (text,) in reasons) or "not collected"
        gaps.append({"start": start, "end": end, "reason": reason})
    return gaps


def _last_runs(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """The last run of each source."""
    columns = ", ".join(_RUN)
    rows = connection.execute(
        f"SELECT {columns} FROM run WHERE id IN (SELECT max(id) FROM run GROUP BY source) "
        "ORDER BY source"
    )
    return [dict(zip(_RUN, row, strict=True)) for row in rows]
