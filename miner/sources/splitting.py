"""A stream of bytes to the JSON documents in it, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

#: Longest record that is read, bytes.
LONGEST: Final = 64 << 20

TOO_LONG: Final = "record over 64 MB"


class Piece(NamedTuple):
    """Some bytes that should be one JSON document.

    Attributes:
        line: number of the line it starts on, from 1.
        raw: the bytes; only the first of them where ``fault`` is set.
        is_last: whether the file ended before it was clear that the document had.
        fault: why it cannot be a document.
    """

    line: int
    raw: bytes
    is_last: bool = False
    fault: str | None = None


def split_lines(chunks: Iterator[bytes]) -> Iterator[Piece]:
    """The lines that are not blank, of which one too long is given as a fault."""
    line = 0
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        held.append(first[: max(0, LONGEST - size + 1)])
        size += len(first)
        if not others:
            continue
        *whole, last = others
        for raw in (b"".join(held), *whole):
            line += 1
            if len(raw) > LONGEST:
                yield Piece(line, raw[:200], fault=TOO_LONG)
            elif raw.strip():
                yield Piece(line, raw)
        held, size = [last], len(last)
    raw = b"".join(held)
    if len(raw) > LONGEST:
        yield Piece(line + 1, raw[:200], is_last=True, fault=TOO_LONG)
    elif raw.strip():
        yield Piece(line + 1, raw, is_last=True)


def split_documents(chunks: Iterator[bytes]) -> Iterator[Piece]:
    """The elements of top-level arrays, and the objects beside them, over any lines."""
    splitter = _Splitter()
    for chunk in chunks:
        yield from splitter.feed(chunk)
    yield from splitter.finish()


#: Up to the next byte that matters outside a string.
_TOKEN: Final = re.compile(rb'(?:[^"{}\[\]\n]++|"(?:[^"\\\n]++|\\[^\n])*+")*+([{}\[\]\n"])')
_SEPARATORS: Final = b" \t\r\n,"


class _Splitter:
    """Brackets counted outside strings; what lies between elements is kept as junk.

    A quote whose string does not end on its line counts as junk, so that one bad
    string does not turn the rest of the file inside out.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0  # scanned up to here
        self._start = 0  # of the element, or of the gap between two
        self._depth = 0  # of brackets inside the element; 0 in a gap
        self._in_array = False
        self._is_empty = False  # the array, so far
        self._line = 1
        self._start_line = 1
        self._dropping = False

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        self._buffer = self._buffer[self._start :] + chunk
        self._at -= self._start
        self._start = 0
        yield from self._scan(is_final=False)
        if len(self._buffer) - self._start > LONGEST:
            self._drop()

    def finish(self) -> Iterator[Piece]:
        yield from self._scan(is_final=True)
        if self._depth:
            yield self._piece(len(self._buffer), is_last=True)
        else:
            yield from self._gap(len(self._buffer))

    def _drop(self) -> None:
        """Keep only the beginning of an element that grew too long."""
        kept = self._buffer[self._start : min(self._at, self._start + 200)]
        rest = self._buffer[self._at :]
        # A rest this long is one string; of that the quote it began with is enough.
        self._buffer = kept + (rest[:1] if len(rest) > LONGEST else rest)
        self._start, self._at = 0, len(kept)
        self._dropping = True

    def _scan(self, *, is_final: bool) -> Iterator[Piece]:
        while match := _TOKEN.match(self._buffer, self._at):
            token = match[1]
            end = match.end()
            if token == b'"' and self._buffer.find(b"\n", end) < 0:
                # The string goes on in the next chunk, or the file was torn inside it.
                self._at = len(self._buffer) if is_final else end - 1
                return
            self._at = end
            if token == b"\n":
                self._line += 1
            elif token in b"{[":
                yield from self._opened(token, end - 1)
            elif token in b"}]":
                yield from self._closed(token, end)

    def _opened(self, token: bytes, at: int) -> Iterator[Piece]:
        if self._depth:
            self._depth += 1
            return
        yield from self._gap(at)
        self._start, self._start_line = at, self._line
        if token == b"[" and not self._in_array:
            self._in_array, self._is_empty, self._start = True, True, at + 1
            return
        self._depth, self._is_empty = 1, False

    def _closed(self, token: bytes, end: int) -> Iterator[Piece]:
        if self._depth:
            self._depth -= 1
            if not self._depth:
                yield self._piece(end)
                self._start, self._start_line = end, self._line
        elif token == b"]" and self._in_array:
            yield from self._gap(end - 1)
            if self._is_empty:
                yield Piece(self._line, b"[]")
            self._in_array, self._start, self._start_line = False, end, self._line

    def _gap(self, end: int) -> Iterator[Piece]:
        junk = self._buffer[self._start : end].strip(_SEPARATORS)
        if junk:
            self._is_empty = False
            yield Piece(
                self._start_line, junk[:200], fault=TOO_LONG if self._dropping else "not JSON"
            )
        self._dropping = False

    def _piece(self, end: int, *, is_last: bool = False) -> Piece:
        raw = self._buffer[self._start : end]
        if self._dropping or len(raw) > LONGEST:
            self._dropping = False
            return Piece(self._start_line, raw[:200], is_last, TOO_LONG)
        return Piece(self._start_line, raw, is_last)
