"""Archive files as pages of posts: any format, any compression, in bounded memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from miner.errors import InputError, UsageError
from miner.formats import FORMATS, Deletion, Format, NotedPost, Skip, recognise
from miner.formats.plain import NAIVE
from miner.post import Post, post_table
from miner.sources.authors import author_key
from miner.sources.opening import Opened, open_file
from miner.sources.parsing import parse
from miner.sources.paths import find_files
from miner.sources.report import FileReport, Report, watched_table
from miner.sources.sniffing import is_document, is_table
from miner.sources.splitting import split_documents, split_lines
from miner.sources.tables import read_csv, read_parquet

__all__ = ["FileReport", "Page", "Report", "read_pages", "watched_table"]

#: Characters of text after which a page ends, however few its posts are.
_PAGE_TEXT: Final = 16 << 20


@dataclass(frozen=True)
class Page:
    """Some posts of one file.

    Attributes:
        posts: a post table, with a column ``service`` where the file names services;
            the same post can come again, in this page or a later one.
        deleted: source and id of posts that were taken back.
        file: the path of the file.
    """

    posts: pd.DataFrame
    deleted: list[tuple[str, str]]
    file: str


def read_pages(
    paths: str | Path | Sequence[str | Path],
    *,
    format: str | None = None,  # noqa: A002 - the word users know from the command line
    batch_size: int = 20_000,
    report: Report | None = None,
) -> Iterator[Page]:
    """The posts of archive files, in the order of the files, as pages.

    Args:
        paths: files, folders, patterns, or ``-`` for standard input; one or several.
        format: name of the only format to read; by default each record is recognised.
        batch_size: most posts in a page.
        report: filled in while pages are taken; says what was skipped, and why.

    Raises:
        InputError: a file named is missing, binary, or cannot be read as posts; no file
            holds anything; not one record of any file was recognised. A file that a
            folder or a pattern brought along and that cannot be read is only reported.
        UsageError: the format has no such name, or the batch size is not positive.
    """
    if format is not None and format not in FORMATS:
        raise UsageError(f"no format is called {format!r}; there are {', '.join(FORMATS)}")
    if batch_size < 1:
        raise UsageError(f"batch_size is {batch_size}; it must be at least 1")
    forced = FORMATS[format] if format else None
    listed = [paths] if isinstance(paths, (str, Path)) else paths
    named = {os.fspath(path) for path in listed}
    files = [(path, path in named) for path in find_files(paths)]
    return _read_files(files, forced, batch_size, Report() if report is None else report)


def _read_files(
    files: list[tuple[str, bool]], forced: Format | None, batch_size: int, report: Report
) -> Iterator[Page]:
    """Pages of files, each given with whether the user named it."""
    first = len(report.files)
    for path, is_named in files:
        file = FileReport(path)
        report.files.append(file)
        try:
            with open_file(path) as opened:
                file.compression = opened.compression
                yield from _Reader(file, opened, forced, batch_size).pages()
        except InputError as error:
            if is_named:
                raise
            file.unreadable = str(error)
    _check_any_read(report.files[first:])


def _check_any_read(files: list[FileReport]) -> None:
    if any(file.formats for file in files):
        return
    for file in files:
        if file.unreadable:
            raise InputError(file.unreadable)
        if not file.is_empty:
            line, reason, excerpt = file.examples[0]
            raise InputError(
                f"{file.path}: no record could be read as a post; the first, on line {line}: "
                f"{reason}: {excerpt}. Formats that are read: {', '.join(FORMATS)}"
            )
    names = ", ".join(file.path for file in files[:3]) + (", …" if len(files) > 3 else "")
    raise InputError(f"{names}: empty; name a file that holds posts")


class _Reader:
    """One file on its way to pages."""

    def __init__(
        self, file: FileReport, opened: Opened, forced: Format | None, batch_size: int
    ) -> None:
        self._file = file
        self._opened = opened
        self._forced = forced
        self._last = forced
        self._batch_size = batch_size
        self._key = author_key()
        self._posts: list[Post] = []
        self._deleted: list[tuple[str, str]] = []
        self._text = 0

    def pages(self) -> Iterator[Page]:
        file = self._file
        is_tear_counted = False
        for line, value, raw in self._values():
            file.lines += 1
            if isinstance(value, Skip) and value.reason == self._opened.fault:
                is_tear_counted = True
            self._take(line, value, raw)
            waiting = max(len(self._posts), len(self._deleted))
            if waiting >= self._batch_size or self._text >= _PAGE_TEXT:
                yield from self._flush(self._batch_size)
        if self._opened.fault and not is_tear_counted:
            file.lines += 1
            file.skip(file.lines, self._opened.fault, "")
        self._refuse_naive()
        yield from self._flush(1)

    def _values(self) -> Iterator[tuple[int, Any, object]]:
        """Line, JSON value or Skip, and what to quote, of each record or page."""
        head, opened, notes = self._opened.head, self._opened, self._file.notes
        plain = FORMATS["plain"]
        if head.startswith(b"PAR1"):
            self._forced = self._forced or plain
            yield from read_parquet(self._file.path, opened)
        elif self._forced in (None, plain) and is_table(head):
            # A column named user or author_id does not make a table a platform's JSON.
            self._forced = plain
            yield from read_csv(self._file.path, opened, notes)
        else:
            split = split_documents if is_document(head) else split_lines
            for line, raw, is_last, fault in split(opened.chunks()):
                value = Skip(fault) if fault else parse(raw, notes)
                if is_last and isinstance(value, Skip) and value.reason == "not JSON":
                    value = Skip(opened.fault or "torn last line")
                yield line, value, raw

    def _take(self, line: int, value: Any, raw: object) -> None:
        """Count what a value holds: a record, or a list of them."""
        if isinstance(value, dict):
            self._read(line, value, raw)
        elif isinstance(value, Skip):
            self._file.skip(line, value.reason, raw)
        elif isinstance(value, list):
            if not value:
                self._file.skip(line, "empty page", raw)
            waiting = deque(value)
            while waiting:
                item = waiting.popleft()
                if isinstance(item, list) and item:
                    waiting.extendleft(reversed(item))
                else:
                    self._take(line, item, raw)
        else:
            self._file.skip(line, "not an object", raw)

    def _read(self, line: int, record: dict[str, Any], raw: object) -> None:
        file = self._file
        if self._forced:
            known = self._forced if self._forced.recognise(record) else None
        else:
            known = recognise(record, self._last)
        if known is None:
            file.skip(line, f"not {self._forced.name}" if self._forced else "unknown record", raw)
            return
        if known is not self._last or not file.formats:
            self._last = known
            if known.name not in file.formats:
                file.formats.append(known.name)
        for outcome in known.read(record, self._key):
            if isinstance(outcome, Post):
                self._post(outcome)
            elif isinstance(outcome, Deletion):
                self._deletion(outcome)
            else:
                file.skip(line, outcome.reason, raw)
                if outcome.at is not None:
                    file.watch(known.source, outcome.at)

    def _post(self, post: Post) -> None:
        file = self._file
        file.records += 1
        file.posts += 1
        if isinstance(post, NotedPost):
            file.notes[post.note] += 1
        file.watch(post.source, post.created_at if post.observed_at is None else post.observed_at)
        self._posts.append(post)
        self._text += len(post.text)

    def _deletion(self, deletion: Deletion) -> None:
        self._file.records += 1
        self._file.deletions += 1
        if deletion.at is not None:
            self._file.watch(deletion.source, deletion.at)
        self._deleted.append((deletion.source, deletion.post_id))

    def _flush(self, least: int) -> Iterator[Page]:
        """Pages of what is waiting; a last one also for deletions alone."""
        while len(self._posts) >= least or (self._posts and self._text >= _PAGE_TEXT):
            batch = self._posts[: self._batch_size]
            del self._posts[: self._batch_size]
            self._text = sum(len(post.text) for post in self._posts)
            yield Page(post_table(batch), self._deleted, self._file.path)
            self._deleted = []
        if self._deleted and (least == 1 or len(self._deleted) >= self._batch_size):
            yield Page(post_table(()), self._deleted, self._file.path)
            self._deleted = []

    def _refuse_naive(self) -> None:
        naive = self._file.skipped[NAIVE]
        if naive and naive == self._file.records:
            raise InputError(
                f"{self._file.path}: no time in column created_at says its zone, such as "
                f"{self._file.examples[0][2]}; if they are UTC, add a Z: 2024-03-05T15:00:00Z"
            )
