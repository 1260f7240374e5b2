"""One file as a stream of plain bytes: opened, unpacked, decoded to UTF-8."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from miner.errors import InputError
from miner.sources.decompressing import DamagedError, compression_of, decompress
from miner.sources.paths import STDIN

_CHUNK: Final = 1 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

#: First bytes of files that people try to read and that hold no posts as they are.
_FOREIGN: Final = (
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!", "a rar archive; unpack it first"),
    (b"\x04\x22\x4d\x18", "lz4-compressed, which is not supported; unpack it first"),
    (b"SQLite format 3", "an SQLite database; export its posts as CSV or JSON lines"),
    (b"%PDF", "a PDF document"),
)
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))


class Opened:
    """The bytes of one file, unpacked and in UTF-8 unless they are Parquet.

    Attributes:
        compression: ``gzip``, ``bz2``, ``xz``, ``zstd`` or ``none``.
        head: the first bytes, at least two lines of them where the file is that long.
        fault: after reading, why the file ended before its end, if it did.
        stream: the file itself.
    """

    fault: str | None = None

    def __init__(self, path: str, stream: BinaryIO) -> None:
        self.stream = stream
        first = stream.read(16)
        self.compression = compression_of(first)
        self._chunks = self._utf8(self._unpacked(first))
        self.head = self._read_head()
        if self.fault and not self.head:
            raise InputError(
                f"{path}: {self.fault} before anything could be read; fetch the file again"
            )
        _refuse_foreign(path, self.head)

    def chunks(self) -> Iterator[bytes]:
        """All bytes from the start; can be asked for once."""
        if self.head:
            yield self.head
        yield from self._chunks

    def _read_head(self) -> bytes:
        head = b""
        for chunk in self._chunks:
            head += chunk
            if len(head) >= _CHUNK or head.lstrip().count(b"\n", 0, -1) >= 2:
                break
        return head

    def _unpacked(self, first: bytes) -> Iterator[bytes]:
        try:
            yield from filter(None, decompress(self._raw(first), self.compression))
        except DamagedError as error:
            self.fault = str(error)

    def _raw(self, first: bytes) -> Iterator[bytes]:
        # read1 gives what a pipe holds now instead of waiting for a full chunk.
        read = getattr(self.stream, "read1", self.stream.read)
        chunk = first
        while chunk:
            yield chunk
            chunk = read(_CHUNK)

    @staticmethod
    def _utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
        start = b""
        for chunk in chunks:
            start += chunk
            if len(start) >= 3:
                break
        if not start.startswith(_UTF16):
            start = start.removeprefix(codecs.BOM_UTF8)
            if start:
                yield start
            yield from chunks
            return
        decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
        yield decoder.decode(start).encode()
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()


@contextmanager
def open_file(path: str) -> Iterator[Opened]:
    """A file, or standard input for ``-``, ready to be read once.

    Raises:
        InputError: it cannot be opened or read, or it holds something else than text.
    """
    try:
        if path == STDIN:
            yield Opened("standard input", sys.stdin.buffer)
            return
        with open(path, "rb") as stream:  # noqa: PTH123 - the path is a string here
            yield Opened(path, stream)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"{path}: cannot be read ({reason}); check the file and its permissions"
        ) from error


def _refuse_foreign(path: str, head: bytes) -> None:
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise InputError(f"{path}: this is {what}")
    if head.startswith(b"PAR1") or head.lstrip()[:1] in (b"{", b"["):
        return
    sample = head[:8192]
    controls = len(sample) - len(sample.translate(None, _CONTROL))
    if controls > len(sample) // 20:
        raise InputError(
            f"{path}: this looks like a binary file; posts are read from JSON lines, CSV "
            "(UTF-8, or UTF-16 with a byte order mark) and Parquet, also compressed"
        )
