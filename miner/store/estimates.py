"""Estimates of complaints out of the counts and samples of a database."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from miner.post import UTC_DTYPE
from miner.sampler import Estimate, estimate, plan, tallies
from miner.store.sampling import read_counts, read_plans, read_windows

#: Columns and dtypes of the table.
ESTIMATES: Final = {
    "service": "str",
    "start": UTC_DTYPE,
    "end": UTC_DTYPE,
    "is_total": "bool",
    "mentions": "int64",
    "sampled": "int64",
    "complaints": "float64",
    "complaints_low": "float64",
    "complaints_high": "float64",
}

Row = tuple[object, ...]


def read_estimates(
    connection: sqlite3.Connection, services: Sequence[str] | None, source: str
) -> list[Row]:
    """Rows of :data:`ESTIMATES`, by service and time; the total of a range comes last."""
    if services is None:
        found = connection.execute(
            "SELECT DISTINCT service FROM plan WHERE source = ? ORDER BY service", (source,)
        )
        services = [name for (name,) in found]
    rows: list[Row] = []
    for service in services:
        for query, start, end, n_posts in read_plans(connection, source, service):
            key, span = (source, service, query), (start, end)
            strata = plan(read_counts(connection, *key, span), n_posts)
            parts, total = estimate(
                tallies(strata, read_windows(connection, *key, span)),
            )
            rows.extend(_row(service, one, is_total=False) for one in parts)
            # Without a mention there is nothing to estimate, and no complaint.
            whole = Estimate(start, end, 0, 0, 0.0, 0.0, 0.0) if total is None else total
            rows.append(_row(service, whole, is_total=True, span=span))
    return rows


def _row(
    service: str, one: Estimate, *, is_total: bool, span: tuple[int, int] | None = None
) -> Row:
    start, end = (one.start, one.end) if span is None else span
    return (
        service,
        start,
        end,
        is_total,
        one.mentions,
        one.posts,
        one.complaints,
        one.low,
        one.high,
    )
