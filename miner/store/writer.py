"""The one who writes: a page, with all that follows from it, in one transaction."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd

from miner.post import Post
from miner.sources.protocol import Page
from miner.store import packing
from miner.store.connecting import explained, transaction, writing
from miner.store.counting import Minutes
from miner.store.rows import Candidate, Known, candidates_of, insert, remove_candidates, remove_post
from miner.store.runs import add_to_run
from miner.store.sampling import add_counts, add_window
from miner.store.tombstones import bury, is_buried
from miner.store.watching import add_break, add_gap, add_watched, concerned


@dataclass(frozen=True)
class Context:
    """To whom a page belongs.

    Attributes:
        source: name of the source.
        services: the services of the pull.
        queries: version of the query of each service.
        model: version of the model that labelled the page.
        run: number of the run, see :mod:`miner.store.runs`.
        now: microseconds since 1970 UTC.
    """

    source: str
    services: tuple[str, ...]
    queries: Mapping[str, str]
    model: str
    run: int | None
    now: int


@dataclass
class Stored:
    """What a page changed."""

    posts: int = 0
    candidates: int = 0
    edits: int = 0
    deletions: int = 0


class Writer:
    """A database that is open for writing; safe to use from several threads."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path
        self._lock = threading.RLock()

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: str | Path) -> Iterator[Self]:
        """The database at a path, made or brought up to date where needed.

        Raises:
            StoreError: the file cannot be used; the message says why and what to do.
        """
        with writing(path) as connection:
            yield cls(connection, Path(path))

    @contextlib.contextmanager
    def transaction(self, *, is_durable: bool = False) -> Iterator[sqlite3.Connection]:
        """All changes of the block, or none; other threads wait.

        Args:
            is_durable: they survive also when the machine loses power right after.

        Raises:
            StoreError: the database cannot be written.
        """
        with explained(self.path), self._lock:
            if is_durable:
                self.connection.execute("PRAGMA synchronous = FULL")
            try:
                with transaction(self.connection):
                    yield self.connection
            finally:
                if is_durable:
                    self.connection.execute("PRAGMA synchronous = NORMAL")

    def cursors(self, source: str) -> dict[str, str]:
        """The stored cursors of a source by name."""
        with self._lock:
            return dict(
                self.connection.execute(
                    "SELECT name, value FROM cursor WHERE source = ?", (source,)
                ).fetchall()
            )

    def post_ids(self, source: str, after: str, most: int) -> list[str]:
        """Ids of kept posts of a source that are greater than ``after``, in order."""
        with explained(self.path), self._lock:
            found = self.connection.execute(
                "SELECT post_id FROM post WHERE source = ? AND post_id > ? "
                "ORDER BY post_id LIMIT ?",
                (source, after, most),
            ).fetchall()
        return [post_id for (post_id,) in found]

    def apply(self, page: Page, labelled: pd.DataFrame, context: Context) -> Stored:
        """Store a page: everything in it, or, where that fails, nothing.

        Args:
            page: as the source gave it.
            labelled: labelled table of the candidates among its posts and edits.
            context: to whom the page belongs.
        """
        found = candidates_of(labelled, context.model)
        minutes = Minutes()
        stored = Stored()
        with self.transaction() as connection:
            change = _Change(connection, minutes, found, page.raws, stored)
            change.add_posts(page.posts)
            change.apply_edits(page.edits)
            for deletion in page.deletions:
                change.delete(deletion.source, deletion.post_id, deletion.at or context.now)
            for author in page.departed:
                change.depart(context.source, author, context.now)
            minutes.write(connection)
            _note_watched(connection, page, context)
            _note_sample(connection, page, context)
            connection.executemany(
                "INSERT INTO cursor VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "value = excluded.value, moved_at = excluded.moved_at",
                [
                    (context.source, name, value, context.now)
                    for name, value in page.cursors.items()
                ],
            )
            if context.run is not None:
                add_to_run(connection, context.run, page, stored)
        return stored


def _note_watched(connection: sqlite3.Connection, page: Page, context: Context) -> None:
    services = context.services if page.services is None else page.services
    for gap in page.gaps:
        for service in concerned(gap, services):
            add_gap(connection, context.source, service, gap)
    for mark in page.breaks:
        for service in concerned(mark, services):
            add_break(connection, context.source, service, mark)
    if page.watched is not None:
        for service in services:
            # What was asked for and what is made of it: a change of either is a break.
            query = f"{context.queries.get(service, '')} {page.query}".strip()
            add_watched(connection, context.source, service, query, *page.watched)


def _note_sample(connection: sqlite3.Connection, page: Page, context: Context) -> None:
    services = context.services if page.services is None else page.services
    for service in services:
        add_counts(connection, context.source, service, page.query, page.counts)
        for window in page.windows:
            add_window(connection, context.source, service, page.query, window)


class _Change:
    """The posts of one page on their way into the tables."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        minutes: Minutes,
        found: Mapping[tuple[str, str], Sequence[Candidate]],
        raws: Mapping[str, bytes],
        stored: Stored,
    ) -> None:
        self._db = connection
        self._minutes = minutes
        self._found = found
        self._raws = raws
        self._stored = stored

    def add_posts(self, posts: Sequence[Post]) -> None:
        """New posts that are candidates; of those known, only services not yet known."""
        for post in posts:
            candidates = self._found.get((post.source, post.post_id), ())
            # One of this text: an edit of the same page has candidates of its own.
            candidates = [one for one in candidates if one.text == post.text]
            if not candidates or is_buried(self._db, post.source, post.post_id):
                continue
            known = self._find(post)
            if known is None:
                self._insert(post, candidates)
            elif known.text == post.text:
                same = [one.of_post(known, known.lang) for one in candidates]
                self._stored.candidates += insert(
                    self._db, self._minutes, known.number, same, keep=True
                )

    def apply_edits(self, posts: Sequence[Post]) -> None:
        """Later versions: text and labels are the new ones, the time stays the first."""
        for post in posts:
            candidates = [
                one
                for one in self._found.get((post.source, post.post_id), ())
                if one.text == post.text
            ]
            known = self._find(post)
            if known is None:
                if candidates and not is_buried(self._db, post.source, post.post_id):
                    self._insert(post, candidates)
                continue
            changed_at = post.observed_at or post.created_at
            is_late = known.edited_at is not None and changed_at < known.edited_at
            if known.text == post.text or is_late:
                continue
            self._stored.edits += 1
            remove_candidates(self._db, self._minutes, known.number)
            if not candidates:
                remove_post(self._db, known.number)
                continue
            self._db.execute(
                "UPDATE post SET text = ?, lang = ?, edited_at = ?, raw = ? WHERE id = ?",
                (post.text, post.lang, changed_at, self._raw(post), known.number),
            )
            same = [one.of_post(known, post.lang) for one in candidates]
            insert(self._db, self._minutes, known.number, same)

    def delete(self, source: str, post_id: str, at: int) -> None:
        """Take a post out, and see to it that it does not come back."""
        found = self._db.execute(
            "SELECT id FROM post WHERE source = ? AND post_id = ?", (source, post_id)
        ).fetchone()
        bury(self._db, source, post_id, at, kept=found is not None)
        if found is not None:
            self._stored.deletions += 1
            remove_candidates(self._db, self._minutes, found[0])
            remove_post(self._db, found[0])

    def depart(self, source: str, author: str, now: int) -> None:
        """Take out all posts of an account that is gone."""
        found = self._db.execute(
            "SELECT post_id FROM post WHERE author = ? AND source = ?", (author, source)
        ).fetchall()
        for (post_id,) in found:
            self.delete(source, post_id, now)

    def _find(self, post: Post) -> Known | None:
        """What is stored of a post, if anything."""
        found = self._db.execute(
            "SELECT p.id, p.text, p.lang, p.edited_at, c.at, c.author_key, c.country, c.is_repost "
            "FROM post p JOIN candidate c ON c.post = p.id "
            "WHERE p.source = ? AND p.post_id = ? LIMIT 1",
            (post.source, post.post_id),
        ).fetchone()
        return None if found is None else Known(*found)

    def _insert(self, post: Post, candidates: Sequence[Candidate]) -> None:
        row = (
            post.source,
            post.post_id,
            post.created_at,
            post.observed_at,
            post.author,
            post.text,
            post.lang,
            int(post.is_repost),
            post.reply_to,
            post.country,
            self._raw(post),
        )
        number = self._db.execute(
            "INSERT INTO post (source, post_id, created_at, observed_at, author, text, lang, "
            "is_repost, reply_to, country, raw) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        ).lastrowid
        assert number is not None
        self._stored.posts += 1
        self._stored.candidates += insert(self._db, self._minutes, number, candidates)

    def _raw(self, post: Post) -> bytes | None:
        raw = self._raws.get(post.post_id)
        return None if raw is None else packing.pack(raw)
