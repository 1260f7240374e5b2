"""A series out of the database: from the counts a minute, or from the posts.

The counts hold every post at the rules of the counter's defaults. What they cannot
say is which posts lie at times that nobody watched: there are few such posts (a clock
that lies, a late one), and what they gave to the counts is taken out again. So the
result is that of the counter on the same posts, whichever way it was made.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from miner.counter.count import check_dimension, make_rules
from miner.counter.dense import Watched, dense_series
from miner.counter.rows import ROW, Codebooks, Rows
from miner.counter.tally import Rules, Sums
from miner.counter.times import SECOND, Frequency, coverage, frequency, is_watched
from miner.post import LABELS, SYMPTOMS
from miner.store.counting import (
    COLUMNS,
    HOUR,
    MINUTE,
    RULES,
    SPLITS,
    Row,
    complaints_of_author,
)

#: Later than every time a post can have: the year 9999 in microseconds.
_FOREVER: Final = 253_402_300_800 * SECOND

#: Services with a post, each found by one step in the key; DISTINCT would read every row.
_POSTED: Final = """
    WITH RECURSIVE found (name) AS (
        SELECT min(service) FROM candidate
        UNION ALL
        SELECT (SELECT min(service) FROM candidate WHERE service > name)
        FROM found WHERE name IS NOT NULL
    )
    SELECT name FROM found WHERE name IS NOT NULL"""

_ROWS: Final = (
    "SELECT at, post_key, author_key, service, lang, country, source, label, symptom, is_repost "
    "FROM candidate WHERE service = ? AND at >= ? AND at < ?"
)


@dataclass(frozen=True)
class _Question:
    """What a series is asked of: services, range of whole hours, rules."""

    connection: sqlite3.Connection
    services: list[str]
    freq: Frequency
    by: str | None
    source: str | None
    rules: Rules
    start: int
    end: int
    books: Codebooks
    watched: Watched


def read_series(
    connection: sqlite3.Connection,
    services: Sequence[str] | None,
    freq: str,
    watched: pd.DataFrame,
    *,
    by: str | None,
    source: str | None,
    start: int | None,
    end: int | None,
    reposts: str,
    per_author: str | None,
) -> pd.DataFrame:
    """Series table; see :meth:`miner.store.Store.series`."""
    check_dimension(by)
    rules = make_rules(reposts, per_author)
    width = frequency(freq)
    names = sorted(set(services)) if services is not None else _services(connection, watched)
    seen = Watched.of(watched)
    books = Codebooks()
    # So that the services stand in the order of their names, as the counter's do.
    for name in names:
        books.service.code(name)
    first, last = _range(width, seen, rules, start, end)
    question = _Question(connection, names, width, by, source, rules, first, last, books, seen)
    sums = _of_minutes(question) if _is_kept(question) else _of_posts(question)
    return dense_series(sums, books, width, seen, by=by, services=names, start=start, end=end)


def _services(connection: sqlite3.Connection, watched: pd.DataFrame) -> list[str]:
    posted = connection.execute(_POSTED)
    return sorted({*(name for (name,) in posted), *watched["service"].unique()})


def _range(
    freq: Frequency, watched: Watched, rules: Rules, start: int | None, end: int | None
) -> tuple[int, int]:
    """Range of the posts that decide about the bins: whole bins, then whole windows."""
    hull = watched.hull() or (0, 0)
    first = freq.floor(hull[0] if start is None else start)
    last = freq.ceil(hull[1] if end is None else end)
    window = max(HOUR, (rules.per_author or 0) * SECOND)
    return first - first % window, min(_FOREVER, last + -last % window)


def _is_kept(question: _Question) -> bool:
    """Whether the counts a minute answer the question.

    Within an hour every author has one complaint that counts, so that in bins that
    divide the hour there are as many authors as complaints.
    """
    fits = question.freq.width % MINUTE == 0 and HOUR % question.freq.width == 0
    return (
        fits and question.rules == RULES and (question.source is None or _is_only_source(question))
    )


def _is_only_source(question: _Question) -> bool:
    """Whether the services have posts of the one source alone."""
    marks = ", ".join("?" * len(question.services))
    other = question.connection.execute(
        "SELECT 1 FROM minute WHERE dimension = 'source' "
        f"AND service IN ({marks}) AND at >= ? AND at < ? AND value <> ? LIMIT 1",
        (*question.services, question.start, question.end, question.source),
    ).fetchone()
    return other is None


def _of_posts(question: _Question) -> Sums:
    parts = []
    for service in question.services:
        rows = _rows(question, service, question.start, question.end)
        rows = question.watched.only_watched(rows, question.books)
        parts.append(Sums.of(rows, question.freq, question.by, question.rules))
    return Sums.total(parts)


def _of_minutes(question: _Question) -> Sums:
    parts = []
    for service in question.services:
        parts.append(_kept_sums(question, service))
        parts.append(_corrections(question, service))
    if not parts:
        return Sums.total(parts)
    sums = Sums(
        np.concatenate([part.keys for part in parts]),
        np.concatenate([part.counts for part in parts]),
    ).compact()
    some = sums.counts[:, 0] > 0
    return Sums(sums.keys[some], sums.counts[some])


def _kept_sums(question: _Question, service: str) -> Sums:
    """Sums of the minutes of hours that were watched, in part or wholly."""
    table = question.connection.execute(
        "SELECT at, value, mentions, complaints, recoveries, chatter FROM minute "
        "WHERE service = ? AND dimension = ? AND at >= ? AND at < ?",
        (service, question.by or "", question.start, question.end),
    ).fetchall()
    if not table:
        return Sums.total([])
    at_list, value_list, *count_lists = zip(*table, strict=True)
    at = np.array(at_list, dtype=np.int64)
    counts = np.array(count_lists, dtype=np.int64).T
    keep = coverage(at - at % HOUR, HOUR, question.watched.of_service(service)) > 0
    codes = _codes(question, value_list)
    bins = at - (at - question.freq.origin) % question.freq.width
    service_code = np.full(len(at), question.books.service.code(service), dtype=np.int64)
    keys = np.stack([service_code, bins, codes], axis=1)
    mentions, complaints, recoveries, chatter = counts.T
    values = np.stack([mentions, complaints, complaints, recoveries, chatter], axis=1)
    return Sums(keys[keep], values[keep]).compact()


def _codes(question: _Question, values: Sequence[str]) -> NDArray[np.int64]:
    """Codes of a dimension's values, "" being the missing one."""
    if question.by is None:
        return np.zeros(len(values), dtype=np.int64)
    if question.by == "symptom":
        known = {"": 0, **{name: code + 1 for code, name in enumerate(SYMPTOMS)}}
        return np.array([known[value] for value in values], dtype=np.int64)
    book = getattr(question.books, question.by)
    codes: NDArray[np.int64] = book.encode(values).astype(np.int64)
    return codes


def _corrections(question: _Question, service: str) -> Sums:
    """What posts at unwatched times of watched hours gave to the counts, to be added.

    Where such a post is the one of its author that counts, the author's next complaint
    of the hour counts instead, if there is one at a watched time.
    """
    keys: list[tuple[int, int, str]] = []
    counts: list[tuple[int, int, int, int, int]] = []
    code = question.books.service.code(service)

    def add(row: Row, *change: int) -> None:
        start = row.at - (row.at - question.freq.origin) % question.freq.width
        value = getattr(row, question.by) if question.by else ""
        keys.append((code, start, value or ""))
        mentions, complaints, recoveries, chatter = change
        counts.append((mentions, complaints, complaints, recoveries, chatter))

    for row in _strays(question, service):
        add(row, -1, -row.counted, -(row.label == "recovery"), -(row.label == "chatter"))
        if row.counted and row.author_key is not None:
            heirs = complaints_of_author(question.connection, row)
            times = np.array([heir.at for heir in heirs], dtype=np.int64)
            watched = is_watched(times, question.watched.of_service(service))
            if watched.any():
                add(heirs[int(watched.argmax())], 0, 1, 0, 0)
    if not keys:
        return Sums.total([])
    codes = _codes(question, [value for _, _, value in keys])
    places = np.array([key[:2] for key in keys], dtype=np.int64)
    return Sums(np.column_stack([places, codes]), np.array(counts, dtype=np.int64))


def _strays(question: _Question, service: str) -> Iterator[Row]:
    """Posts at unwatched times of hours that were watched in part."""
    watched = question.watched.of_service(service)
    ranges: set[tuple[int, int]] = set()
    for start, end in _unwatched(question, service):
        # Of a long gap only the first and the last hour can be watched in part.
        ranges.add((start, min(end, start - start % HOUR + HOUR)))
        last = end - 1 - (end - 1) % HOUR
        ranges.add((max(start, last), end))
    starts = np.array(sorted(ranges), dtype=np.int64).reshape(-1, 2)
    in_part = coverage(starts[:, 0] - starts[:, 0] % HOUR, HOUR, watched) > 0
    for first, last in starts[in_part].tolist():
        found = question.connection.execute(
            f"SELECT {COLUMNS} FROM candidate "
            "WHERE service = ? AND at >= ? AND at < ? AND is_repost = 0",
            (service, first, last),
        )
        yield from (Row(*values) for values in found)


def _unwatched(question: _Question, service: str) -> list[tuple[int, int]]:
    """What lies between the watched intervals of the range."""
    gaps = []
    at = question.start
    for start, end in question.watched.of_service(service):
        if at < start:
            gaps.append((at, min(start, question.end)))
        at = max(at, end)
        if at >= question.end:
            break
    if at < question.end:
        gaps.append((at, question.end))
    return [(start, end) for start, end in gaps if start < end]


def _rows(question: _Question, service: str, start: int, end: int) -> Rows:
    """Rows of the counter, of one service and range."""
    values: tuple[object, ...] = (service, start, end)
    query = _ROWS
    if question.source is not None:
        query += " AND source = ?"
        values = (*values, question.source)
    if question.rules.reposts == "exclude":
        query += " AND is_repost = 0"
    table = question.connection.execute(query, values).fetchall()
    rows = np.zeros(len(table), dtype=ROW)
    if not table:
        return rows
    at, post, author, services, lang, country, source, label, symptom, repost = zip(
        *table, strict=True
    )
    rows["when"] = at
    rows["post"] = _unsigned(np.array(post, dtype=np.int64))
    known = np.array([key is not None for key in author])
    keys = _unsigned(np.array([key or 0 for key in author], dtype=np.int64))
    rows["author"] = np.where(known, keys, 0)
    for name, column in zip(
        ("service", *SPLITS[1:]), (services, lang, country, source), strict=True
    ):
        rows[name] = getattr(question.books, name).encode(column)
    label_codes = {name: code for code, name in enumerate(LABELS)}
    symptom_codes: dict[str | None, int] = {
        None: 0,
        **{name: code + 1 for code, name in enumerate(SYMPTOMS)},
    }
    rows["label"] = [label_codes[name] for name in label]
    rows["symptom"] = [symptom_codes[name] for name in symptom]
    rows["repost"] = repost
    return rows


def _unsigned(keys: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The hashes behind SQLite's signed integers."""
    return keys.view(np.uint64) ^ np.uint64(1 << 63)
