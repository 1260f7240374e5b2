"""What kind of file some first bytes begin."""

from __future__ import annotations

import orjson

from miner.sources.tables import looks_like_table


def is_table(head: bytes) -> bool:
    """Whether a file is CSV: by its header, or for want of anything that looks like JSON."""
    first = head.lstrip()[:1]
    if not first or first in b"{[":
        return False
    return looks_like_table(head) or not (b"\n{" in head or b"\n[" in head)


def is_document(head: bytes) -> bool:
    """Whether JSON documents run over lines, or one array holds the records of the file."""
    first, _, rest = head.lstrip().partition(b"\n")
    if first[:1] not in (b"{", b"["):
        return False
    try:
        orjson.loads(first)
    except orjson.JSONDecodeError:
        pass
    else:
        return False
    if first.strip() in (b"{", b"["):
        return True
    if first[:1] == b"[":
        return not rest.startswith(b"[")
    return rest.lstrip(b"\r\n")[:1] in (b" ", b"\t")
