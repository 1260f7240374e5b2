"""The JSON of a post as the platform wrote it, compressed."""

from __future__ import annotations

import threading

import zstandard

_local = threading.local()  # (de)compressors must not be shared by threads


def pack(raw: bytes) -> bytes:
    """The bytes, compressed."""
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(level=6)
    packed: bytes = _local.compressor.compress(raw)
    return packed


def unpack(packed: bytes) -> bytes:
    """The bytes that were packed."""
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor()
    raw: bytes = _local.decompressor.decompress(packed)
    return raw
