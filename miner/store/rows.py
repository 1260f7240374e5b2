"""Candidates as rows: from a labelled table into the database and out of it."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from miner.counter.rows import Codebooks, rows_of
from miner.store.counting import COLUMNS, Minutes, Row, add_row, remove_row, signed


class Known(NamedTuple):
    """What is stored of a post; its candidates share time, author, country and kind."""

    number: int
    text: str
    lang: str | None
    edited_at: int | None
    at: int
    author_key: int | None
    country: str | None
    is_repost: int


class Candidate(NamedTuple):
    """A row of a labelled table, with the keys that counting uses."""

    service: str
    at: int
    post_key: int
    author_key: int | None
    source: str
    lang: str | None
    country: str | None
    is_repost: bool
    phrase: str | None
    symptom_hint: str | None
    label: str
    p_complaint: float
    symptom: str | None
    model: str
    text: str

    def of_post(self, known: Known, lang: str | None) -> Candidate:
        """The candidate of a post that is stored: first seen wins, an edit does not move it."""
        return self._replace(
            at=known.at,
            author_key=known.author_key,
            country=known.country,
            is_repost=bool(known.is_repost),
            lang=lang,
        )

    def row(self, post: int) -> Row:
        """What counting needs of it."""
        return Row(
            self.service,
            self.at,
            post,
            self.post_key,
            self.author_key,
            self.label,
            self.symptom,
            self.lang,
            self.country,
            self.source,
            int(self.is_repost),
        )


def candidates_of(labelled: pd.DataFrame, model: str) -> dict[tuple[str, str], list[Candidate]]:
    """Candidates of a labelled table by source and id of their post."""
    found: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    if labelled.empty:
        return found
    compact = rows_of(labelled, Codebooks())
    names = (
        "service",
        "source",
        "post_id",
        "lang",
        "country",
        "is_repost",
        "phrase",
        "symptom_hint",
        "label",
        "p_complaint",
        "symptom",
        "text",
    )
    columns = [_values(labelled[name]) for name in names]
    keys = zip(
        compact["when"].tolist(),
        compact["post"].tolist(),
        compact["author"].tolist(),
        strict=True,
    )
    for (at, post, author), values in zip(keys, zip(*columns, strict=True), strict=True):
        service, source, post_id, lang, country, repost, phrase, hint, label, p, symptom, text = (
            values
        )
        found[source, post_id].append(
            Candidate(
                service,
                at,
                signed(post),
                signed(author) if author else None,
                source,
                lang,
                country,
                bool(repost),
                phrase,
                hint,
                label,
                float(p),
                symptom,
                model,
                text,
            )
        )
    return found


def _values(column: pd.Series) -> list[Any]:
    """Python values of a column, None where there is none."""
    return column.astype(object).where(column.notna(), None).tolist()


def insert(
    connection: sqlite3.Connection,
    minutes: Minutes,
    post: int,
    candidates: Sequence[Candidate],
    *,
    keep: bool = False,
) -> int:
    """Insert candidates of a post and count them; returns how many were new.

    With ``keep`` a service that the post has already is left as it is.
    """
    known: set[str] = set()
    if keep:
        known = {
            service
            for (service,) in connection.execute(
                "SELECT service FROM candidate WHERE post = ?", (post,)
            )
        }
    n_new = 0
    for one in candidates:
        if one.service in known:
            continue
        known.add(one.service)
        flag = add_row(connection, one.row(post), minutes)
        connection.execute(
            "INSERT INTO candidate VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                one.service,
                one.at,
                post,
                one.post_key,
                one.author_key,
                one.source,
                one.lang,
                one.country,
                int(one.is_repost),
                one.phrase,
                one.symptom_hint,
                one.label,
                one.p_complaint,
                one.symptom,
                one.model,
                flag,
            ),
        )
        n_new += 1
    return n_new


def remove_candidates(connection: sqlite3.Connection, minutes: Minutes, post: int) -> None:
    """Take all candidates of a post out of the table and the counts."""
    found = connection.execute(
        f"SELECT {COLUMNS} FROM candidate WHERE post = ?",
        (post,),
    ).fetchall()
    connection.execute("DELETE FROM candidate WHERE post = ?", (post,))
    for values in found:
        remove_row(connection, Row(*values), minutes)


def remove_post(connection: sqlite3.Connection, post: int) -> None:
    """Take a post out whose candidates are gone."""
    connection.execute("DELETE FROM post WHERE id = ?", (post,))
