"""Compressed bytes to bytes, in bounded memory, as far as they go."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import Any, Final

import zstandard

#: Most that one step may give, bytes; a small file can hold a very large one.
_STEP: Final = 1 << 20

#: zstandard cannot be told to stop, so it is fed little: 2 KiB unpack to 64 MiB at most.
_ZSTD_FEED: Final = 512

_ZSTD_WINDOW: Final = 1 << 31


class DamagedError(Exception):
    """Compressed data that ends early or is broken; the message says which."""


def compression_of(head: bytes) -> str:
    """The compression that the first bytes of a file tell of, ``none`` if none."""
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head.startswith(b"BZh"):
        return "bz2"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    if head.startswith(b"\x28\xb5\x2f\xfd") or (
        head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F  # a skippable frame
    ):
        return "zstd"
    return "none"


def decompress(chunks: Iterator[bytes], compression: str) -> Iterator[bytes]:
    """The unpacked bytes of a compressed stream of any number of members.

    Raises:
        DamagedError: after all bytes before the damage were given.
    """
    if compression == "none":
        yield from chunks
        return
    start, feed = _CODECS[compression]
    engine = None
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if engine is None:
                    rest = rest.lstrip(b"\0")  # padding between members
                    engine = start() if rest else None
                if engine is not None:
                    rest = yield from feed(engine, rest)
                    engine = None if engine.eof else engine
    except (OSError, ValueError, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise DamagedError("compressed data is damaged") from error
    if engine is not None:
        raise DamagedError("compressed data ends early")


def _feed_gzip(engine: zlib._Decompress, data: bytes) -> Generator[bytes, None, bytes]:
    while data and not engine.eof:
        yield engine.decompress(data, _STEP)
        data = engine.unconsumed_tail
    return engine.unused_data


def _feed_blocks(
    engine: bz2.BZ2Decompressor | lzma.LZMADecompressor, data: bytes
) -> Generator[bytes, None, bytes]:
    yield engine.decompress(data, _STEP)
    while not engine.eof and not engine.needs_input:
        yield engine.decompress(b"", _STEP)
    return engine.unused_data if engine.eof else b""


def _feed_zstd(
    engine: zstandard.ZstdDecompressionObj, data: bytes
) -> Generator[bytes, None, bytes]:
    for start in range(0, len(data), _ZSTD_FEED):
        end = start + _ZSTD_FEED
        yield engine.decompress(data[start:end])
        if engine.eof:
            return engine.unused_data + data[end:]
    return b""


_CODECS: Final[
    dict[str, tuple[Callable[[], Any], Callable[..., Generator[bytes, None, bytes]]]]
] = {
    "gzip": (lambda: zlib.decompressobj(wbits=31), _feed_gzip),
    "bz2": (bz2.BZ2Decompressor, _feed_blocks),
    "xz": (lzma.LZMADecompressor, _feed_blocks),
    "zstd": (
        lambda: zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj(),
        _feed_zstd,
    ),
}
