"""What a pass may spend: its own bound, and what the month has left."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from miner.job.config import Feed
from miner.store import Writer
from miner.store.runs import spent_since


def budgets(writer: Writer, feeds: Iterable[Feed], now: int) -> dict[str, int]:
    """Micros each source may spend in a run that begins now, where it is bounded.

    A run that was killed counts twice here, in the month and in the run that continues
    it: rather less than too much.
    """
    found = {}
    for feed in feeds:
        bounds = [] if feed.per_run is None else [feed.per_run]
        if feed.per_month is not None:
            with writer.transaction() as connection:
                spent = spent_since(connection, feed.name, month_start(now))
            bounds.append(max(0, feed.per_month - spent))
        if bounds:
            found[feed.name] = min(bounds)
    return found


def month_start(now: int) -> int:
    """First moment of the calendar month in UTC, microseconds since 1970."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    at = epoch + timedelta(microseconds=now)
    first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first - epoch) // timedelta(microseconds=1)
