"""Reading a database: posts, what was watched, and series, while a job writes to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import pandas as pd

from miner.counter.times import instant
from miner.errors import UsageError
from miner.post import LABELLED, UTC_DTYPE
from miner.store.connecting import reading, snapshot
from miner.store.estimates import ESTIMATES, read_estimates
from miner.store.series import read_series
from miner.store.status import read_status

Services: TypeAlias = str | Iterable[str] | None
Time: TypeAlias = str | pd.Timestamp | None

_POSTS: Final = """
    SELECT c.source, p.post_id, p.created_at, p.observed_at, p.author, p.text, p.lang,
        p.is_repost, p.reply_to, p.country, c.service, c.phrase, c.symptom_hint, c.label,
        c.p_complaint, c.symptom
    FROM candidate c JOIN post p ON p.id = c.post
    WHERE {where} ORDER BY c.at, c.post, c.service"""


class Store:
    """A database of collected posts, for reading.

    Each call reads the state of the last finished page; a job that writes is not
    disturbed and does not disturb. Nothing stays open between calls.

    >>> Store("outages.db").series("whatsapp", "5min")             # doctest: +SKIP
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def posts(
        self, service: Services = None, since: Time = None, until: Time = None
    ) -> pd.DataFrame:
        """Labelled table: a row for each post and service, in the order of time.

        Args:
            service: id of a service, or several; all by default.
            since: first time, such as "2026-05-01T00:00Z"; the time of a post is the
                earlier one of ``created_at`` and ``observed_at``.
            until: end of the time, exclusive.

        Returns:
            The columns of :data:`miner.post.LABELLED`; what was watched is in
            ``attrs["watched"]``, where :func:`miner.series` finds it.

        Raises:
            StoreError: the database cannot be read.
            NaiveTimeError: a time without a zone.
        """
        where, values = condition(service_list(service), since, until)
        with reading(self.path) as connection, snapshot(connection):
            rows = connection.execute(_POSTS.format(where=where), values).fetchall()
            watched = _watched(connection, service_list(service), None)
        table = _table(rows, LABELLED)
        table.attrs["watched"] = [
            (start.isoformat(), end.isoformat())
            for start, end in zip(watched["start"], watched["end"], strict=True)
        ]
        return table

    def watched(self, service: Services = None, source: str | None = None) -> pd.DataFrame:
        """What was watched: ``source, service, query, start, end`` (UTC, end exclusive)."""
        with reading(self.path) as connection:
            return _watched(connection, service_list(service), source)

    def gaps(self, service: Services = None) -> pd.DataFrame:
        """What was lost for good: ``source, service, start, end, reason``."""
        names = ("source", "service", "start", "end", "reason")
        return self._marks("gap", names, service)

    def breaks(self, service: Services = None) -> pd.DataFrame:
        """From when series are not comparable: ``source, service, at, reason``."""
        return self._marks("break", ("source", "service", "at", "reason"), service)

    def series(
        self,
        service: Services = None,
        freq: str = "1min",
        *,
        by: str | None = None,
        source: str | None = None,
        start: Time = None,
        end: Time = None,
        reposts: str = "exclude",
        per_author: str | None = "1h",
    ) -> pd.DataFrame:
        """Series table, equal to :func:`miner.series` of the posts and what was watched.

        Args:
            service: id of a service, or several; by default all that were watched or
                have a post.
            freq: width of a bin, from "1s" to "1W". Counts are kept a minute: whole
                minutes that divide an hour, and the rules of the defaults, are read
                from them; anything else from the posts.
            by: split by "symptom", "lang", "country" or "source".
            source: count posts of this source alone, where it was watched.
            start: first bin; by default the first watched one.
            end: end of the last bin, exclusive; by default that of the last watched one.
            reposts: "exclude" or "include".
            per_author: window in which an author gives one complaint a service; "off"
                or None counts all.

        Raises:
            StoreError: the database cannot be read.
            UsageError: a frequency, dimension, rule or range that makes no sense.
            NaiveTimeError: a time without a zone.
        """
        with reading(self.path) as connection, snapshot(connection):
            names = service_list(service)
            watched = _watched(connection, names, source)
            return read_series(
                connection,
                names,
                freq,
                watched,
                by=by,
                source=source,
                start=None if start is None else instant(start, "start"),
                end=None if end is None else instant(end, "end"),
                reposts=reposts,
                per_author=per_author,
            )

    def estimates(self, service: Services = None, source: str = "x") -> pd.DataFrame:
        """Complaints behind samples: a row for each stretch of time, one for each range.

        Returns:
            ``service, start, end`` (UTC, end exclusive), ``is_total`` (the whole range,
            of which the other rows are parts), ``mentions`` (counted by the platform),
            ``sampled`` (posts that were drawn), ``complaints`` (estimated: each post
            counts, also several of one author) and ``complaints_low, complaints_high``
            (interval of 95 %). Intervals of parts do not add up to that of the range.

        Raises:
            StoreError: the database cannot be read.
        """
        with reading(self.path) as connection, snapshot(connection):
            rows = read_estimates(connection, service_list(service), source)
        return _table(rows, ESTIMATES)

    def status(self, now: int) -> dict[str, object]:
        """Sources, services, gaps, runs and spend as JSON values; ``now`` in micros UTC."""
        with reading(self.path) as connection, snapshot(connection):
            return read_status(connection, now)

    def _marks(self, table: str, names: Sequence[str], service: Services) -> pd.DataFrame:
        where, values = condition(service_list(service), None, None)
        columns = ", ".join(names)
        with reading(self.path) as connection:
            rows = connection.execute(
                f"SELECT {columns} FROM {table} WHERE {where} ORDER BY {columns}",
                values,
            ).fetchall()
        dtypes = {name: UTC_DTYPE if name in {"start", "end", "at"} else "str" for name in names}
        return _table(rows, dtypes)


def service_list(service: Services) -> list[str] | None:
    """The services of an argument that may be one, several, or none for all."""
    if service is None:
        return None
    return [service] if isinstance(service, str) else list(service)


def condition(services: Sequence[str] | None, since: Time, until: Time) -> tuple[str, list[object]]:
    """SQL of the rows of some services and times, and its values.

    Raises:
        UsageError: a range that ends before it starts.
    """
    parts, values = ["1"], list[object]()
    if services is not None:
        parts.append(f"service IN ({', '.join('?' * len(services))})")
        values.extend(services)
    first = None if since is None else instant(since, "since")
    last = None if until is None else instant(until, "until")
    if first is not None and last is not None and first > last:
        raise UsageError(f"the range ends ({until}) before it starts ({since})")
    for sign, value in ((">=", first), ("<", last)):
        if value is not None:
            parts.append(f"at {sign} ?")
            values.append(value)
    return " AND ".join(parts), values


def _watched(
    connection: sqlite3.Connection, services: Sequence[str] | None, source: str | None
) -> pd.DataFrame:
    where, values = condition(services, None, None)
    if source is not None:
        where += " AND source = ?"
        values.append(source)
    rows = connection.execute(
        f'SELECT source, service, "query", start, end FROM watched WHERE {where} '
        "ORDER BY source, service, start",
        values,
    ).fetchall()
    dtypes = {"source": "str", "service": "str", "query": "str"}
    return _table(rows, {**dtypes, "start": UTC_DTYPE, "end": UTC_DTYPE})


def _table(rows: Sequence[tuple[object, ...]], dtypes: object) -> pd.DataFrame:
    assert isinstance(dtypes, dict)
    columns = zip(*rows, strict=True) if rows else [()] * len(dtypes)
    return pd.DataFrame(
        {
            name: _column(values, dtype)
            for (name, dtype), values in zip(dtypes.items(), columns, strict=True)
        }
    )


def _column(values: Sequence[Any], dtype: str) -> pd.Series:
    if dtype == UTC_DTYPE:
        integers = pd.Series(values, dtype="Int64")
        return pd.Series(pd.to_datetime(integers, unit="us", utc=True)).astype(UTC_DTYPE)
    return pd.Series(values, dtype=dtype)
