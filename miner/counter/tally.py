"""Rows to sums: every post once, every author once a window, whatever the order.

The rules are applied to sets of rows, never in order of arrival, so that sums do not
depend on how an input was cut or sorted. Memory stays flat: past a limit, rows are
spilled into partitions on disk, by post to find the same post again, then by author
to find the same author again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from miner.counter.rows import (
    CHATTER,
    COMPLAINT,
    FLOOD_AUTHORS,
    RECOVERY,
    ROW,
    Codebooks,
    Rows,
)
from miner.counter.times import SECOND, Frequency

Reposts = Literal["exclude", "include"]

#: Rows held in memory before they are spilled (50 MB), and the number of partitions.
LIMIT: Final = 1_000_000
PARTITIONS: Final = 32

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Rules:
    """What counts once.

    Attributes:
        reposts: "exclude" leaves reposts out; "include" counts each as a post.
        per_author: seconds of the window, aligned to 1970 UTC, in which one author
            gives one complaint a service; None counts each complaint.
    """

    reposts: Reposts = "exclude"
    per_author: int | None = 3_600


def distinct_posts(rows: Rows, rules: Rules, deleted: NDArray[np.uint64]) -> Rows:
    """One row for each post and service, deleted posts and unwanted reposts left out.

    Of several (the post was seen twice, or edited) the earliest stands; at equal
    times the first by label, symptom and a hash of its content, so that the choice does
    not depend on the order of the rows.
    """
    keep = np.ones(len(rows), dtype=bool)
    if rules.reposts == "exclude":
        keep &= ~rows["repost"]
    if len(deleted):
        keep &= ~np.isin(rows["post"], deleted)
    rows = rows[keep]
    order = np.lexsort(
        (rows["tie"], rows["symptom"], rows["label"], rows["when"], rows["service"], rows["post"])
    )
    rows = rows[order]
    return rows[_is_first(rows["post"], rows["service"])]


def counted(rows: Rows, rules: Rules) -> Flags:
    """Whether each row is a complaint that counts: one an author, service and window."""
    complaint: Flags = rows["label"] == COMPLAINT
    if rules.per_author is None:
        return complaint
    flags: Flags = complaint & (rows["author"] == 0)
    index = np.flatnonzero(complaint & (rows["author"] != 0))
    window = rows["when"][index] // (rules.per_author * SECOND)
    some = rows[index]
    order = np.lexsort((some["post"], some["when"], window, some["service"], some["author"]))
    first = _is_first(some["author"][order], some["service"][order], window[order])
    flags[index[order[first]]] = True
    return flags


def _is_first(*columns: NDArray[np.generic]) -> Flags:
    """Whether each row of sorted columns differs from the row before it."""
    first = np.ones(len(columns[0]), dtype=bool)
    if len(first) > 1:
        same = np.logical_and.reduce([column[1:] == column[:-1] for column in columns])
        first[1:] = ~same
    return first


@dataclass
class Sums:
    """Sums for each (service, bin, value of the dimension), as sorted parallel arrays."""

    keys: NDArray[np.int64]  # shape (n, 3): service code, bin start, dimension code
    counts: NDArray[np.int64]  # shape (n, 5): mentions complaints authors recoveries chatter

    @classmethod
    def of(cls, rows: Rows, freq: Frequency, by: str | None, rules: Rules) -> Sums:
        """Sums of rows that hold all posts of their authors, each once."""
        flags = counted(rows, rules)
        when = rows["when"]
        start = when - (when - freq.origin) % freq.width
        code = rows[by] if by else np.zeros(len(rows), dtype=np.int64)
        keys = np.stack([rows["service"], start, code], axis=1).astype(np.int64)
        values = np.stack(
            [
                np.ones(len(rows), dtype=bool),
                flags,
                _first_of_author(keys, rows["author"], flags),
                rows["label"] == RECOVERY,
                rows["label"] == CHATTER,
            ],
            axis=1,
        ).astype(np.int64)
        return cls(keys, values).compact()

    def compact(self) -> Sums:
        """The same sums with each key once, keys sorted."""
        if not len(self.keys):
            return self
        keys, inverse = np.unique(self.keys, axis=0, return_inverse=True)
        counts = np.zeros((len(keys), self.counts.shape[1]), dtype=np.int64)
        np.add.at(counts, inverse.reshape(-1), self.counts)
        return Sums(keys, counts)

    @classmethod
    def total(cls, parts: Iterable[Sums]) -> Sums:
        """Sum of parts whose authors are disjoint."""
        result = cls(np.zeros((0, 3), np.int64), np.zeros((0, 5), np.int64))
        for part in parts:
            result = cls(
                np.concatenate([result.keys, part.keys]),
                np.concatenate([result.counts, part.counts]),
            ).compact()
        return result


def _first_of_author(keys: NDArray[np.int64], author: NDArray[np.uint64], flags: Flags) -> Flags:
    """Marks one counted complaint for each author of a bin; unknown authors each count."""
    index = np.flatnonzero(flags)
    columns = (*keys[index].T, author[index])
    order = np.lexsort(columns)
    first = _is_first(*(column[order] for column in columns)) | (author[index][order] == 0)
    marks = np.zeros(len(flags), dtype=bool)
    marks[index[order[first]]] = True
    return marks


class Tally:
    """A set of rows of any size, with what is needed to sum it.

    Rows past :data:`LIMIT` go to a temporary folder, which :meth:`close` (or leaving
    the ``with`` block) removes.
    """

    def __init__(self, books: Codebooks | None = None, limit: int | None = None) -> None:
        self.books = books or Codebooks()
        self._limit = LIMIT if limit is None else limit
        self._held: list[Rows] = []
        self._n_held = 0
        self._spill: _Partitions | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop all rows, in memory and on disk."""
        self._held = []
        if self._spill is not None:
            self._spill.close()

    def add(self, rows: Rows) -> None:
        """Add rows coded with :attr:`books`."""
        self._held.append(rows)
        self._n_held += len(rows)
        if self._n_held > self._limit:
            self._spill = self._spill or _Partitions()
            self._spill.add(np.concatenate(self._held), "post")
            self._held, self._n_held = [], 0

    def posts(self, rules: Rules, deleted: NDArray[np.uint64]) -> Iterator[Rows]:
        """All distinct posts; a part holds every post of its authors."""
        held = np.concatenate([np.zeros(0, dtype=ROW), *self._held])
        if self._spill is None:
            yield distinct_posts(held, rules, deleted)
            return
        self._spill.add(held, "post")
        self._held, self._n_held = [], 0
        with _Partitions() as by_author:
            for part in self._spill:
                by_author.add(distinct_posts(part, rules, deleted), "author")
            yield from by_author


class _Partitions:
    """Rows in files by the remainder of a 64-bit hash, read back one file at a time."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="miner-")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._folder.cleanup()

    def add(self, rows: Rows, by: Literal["post", "author"]) -> None:
        # Posts of unknown authors are spread by post: they share nothing.
        key = np.where(rows[by] == 0, rows["post"], rows[by]) % PARTITIONS
        for number in range(PARTITIONS):
            part = rows[key == number]
            if len(part):
                with self._path(number).open("ab") as file:
                    part.tofile(file)

    def __iter__(self) -> Iterator[Rows]:
        for number in range(PARTITIONS):
            path = self._path(number)
            if path.exists():
                yield np.fromfile(path, dtype=ROW)

    def _path(self, number: int) -> Path:
        return Path(self._folder.name) / f"{number}.rows"


class Floods:
    """Finds copy-paste floods: texts that many different authors share."""

    def __init__(self) -> None:
        empty = (np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.int64))
        self._found = {"print_a": empty, "print_b": empty}

    def add(self, rows: Rows) -> None:
        """Add complaints; each call has other authors than the calls before."""
        for name, (prints, authors) in self._found.items():
            known = rows[(rows[name] != 0) & (rows["author"] != 0)]
            found, n = np.unique(np.unique(known[[name, "author"]])[name], return_counts=True)
            merged, place = np.unique(np.concatenate([prints, found]), return_inverse=True)
            totals = np.zeros(len(merged), dtype=np.int64)
            np.add.at(totals, place, np.concatenate([authors, n]))
            self._found[name] = merged, totals

    def prints(self) -> frozenset[int]:
        """Fingerprints shared by :data:`FLOOD_AUTHORS` authors or more."""
        return frozenset(
            value
            for prints, authors in self._found.values()
            for value in prints[authors >= FLOOD_AUTHORS].tolist()
        )

    def n_accounts(self) -> int:
        """Number of accounts that took part in a flood."""
        sums = (n[n >= FLOOD_AUTHORS].sum() for _, n in self._found.values())
        return int(max(sums))
