"""Single values of a record, taken with doubt: a wrong type is no value."""

from __future__ import annotations

import functools
import re
from typing import Any, Final

_SUBTAG = re.compile(r"[a-z]{2,8}\Z")

#: Codes that name no language, and codes that ISO 639 gave up and X still sends.
_NO_LANGUAGE: Final = frozenset({"und", "zxx", "art", "mul", "mis"})
_RENAMED: Final = {"in": "id", "iw": "he", "ji": "yi"}


def as_dict(value: object) -> dict[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The list, or an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str | None:
    """The string, empty or not, or None."""
    return value if isinstance(value, str) else None


def as_id(*values: object) -> str | None:
    """The first value that can be an id: a non-empty string or a whole number."""
    for value in values:
        if isinstance(value, str):
            if value:
                return value
        elif isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None


def language(value: object) -> str | None:
    """The primary subtag of a language tag in lower case, None where it names no language."""
    return _language(value) if isinstance(value, str) else None


@functools.lru_cache(maxsize=1024)
def _language(tag: str) -> str | None:
    primary = tag.strip().lower().replace("_", "-").partition("-")[0]
    if not _SUBTAG.match(primary) or primary in _NO_LANGUAGE:
        return None
    if len(primary) == 3 and primary[0] == "q":
        return None  # qaa..qtz are private; X uses qst, qme, qht for posts without words
    return _RENAMED.get(primary, primary)


def country(value: object) -> str | None:
    """The ISO 3166 alpha-2 code in capitals, or None."""
    if isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha():
        return value.upper()
    return None
