"""Bytes to JSON values, forgiving what real archives hold."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import orjson

from miner.formats import Skip

REPLACED_BYTES = "invalid UTF-8 replaced"


def parse(raw: bytes, notes: Counter[str]) -> Any:
    """The value of a JSON document, or a :class:`~miner.formats.Skip` if it is none.

    Invalid UTF-8 and halves of surrogate pairs become U+FFFD; NaN and Infinity are
    read. What was replaced is counted in ``notes``.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode(errors="replace")
        notes[REPLACED_BYTES] += 1
    try:
        value = json.loads(text)
        # Python lets halves of surrogate pairs through, and nothing after it takes them.
        whole = json.dumps(value, ensure_ascii=False)
        if whole.isascii():
            return value
        return json.loads(whole.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except RecursionError:
        return Skip("nested too deeply")
    except ValueError:
        return Skip("not JSON")
