"""Posts as rows of a table: CSV, Parquet or JSON lines with named columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from miner.formats.fields import as_id, country, language
from miner.formats.outcome import Format, Outcome, Record, Skip
from miner.formats.times import any_epoch_time, is_plausible, parse_iso, to_micros
from miner.post import Post, derive_post_id, hash_author

#: What a table must have, and what it may have besides; other columns are ignored.
REQUIRED: Final = ("created_at", "text")
OPTIONAL: Final = (
    "post_id",
    "observed_at",
    "source",
    "author",
    "lang",
    "is_repost",
    "reply_to",
    "country",
    "service",
)

#: Reason of a row whose time could mean any of 38 hours.
NAIVE: Final = "time without zone"

_YES = frozenset({"true", "1", "yes", "1.0", "t", "y"})
_NO = frozenset({"false", "0", "no", "0.0", "f", "n", ""})

#: How spreadsheets write long ids: 8.67478E+17. The last digits are gone.
_SCIENTIFIC = re.compile(r"\d(\.\d+)?[eE]\+\d+\Z", re.ASCII)
_EXACT_FLOAT = 2**53


def recognise(record: Record) -> bool:
    """Whether a record has the required columns, in capitals or not."""
    if "created_at" in record and "text" in record:
        return True
    names = {name.strip().lower() for name in record}
    return names.issuperset(REQUIRED)


def read(record: Record, key: bytes) -> Iterator[Outcome]:
    """The one outcome of a row."""
    if "created_at" not in record or "text" not in record or not all(map(str.islower, record)):
        record = {name.strip().lower(): value for name, value in record.items()}
    yield _post(record, key)


def _post(row: Record, key: bytes) -> Outcome:
    created_at = _time(row.get("created_at"))
    if isinstance(created_at, Skip):
        return created_at
    observed = _time(row.get("observed_at"))
    observed_at = observed if isinstance(observed, int) and is_plausible(observed) else None
    if observed_at is None and not is_plausible(created_at):
        return Skip("implausible time")
    text = row.get("text")
    if not isinstance(text, str):
        return Skip("no text", observed_at or created_at)
    is_repost = _yes_or_no(row.get("is_repost"))
    if is_repost is None:
        return Skip("unreadable is_repost", observed_at or created_at)
    source = _name(row.get("source")) or "file"
    author = as_id(row.get("author"))
    hashed = None if author is None else hash_author(author, key)
    post_id = _post_id(row.get("post_id"), source, hashed, created_at, text)
    if isinstance(post_id, Skip):
        return post_id
    return Post(
        source=source,
        post_id=post_id,
        created_at=created_at,
        observed_at=observed_at,
        author=hashed,
        text=text,
        lang=language(row.get("lang")),
        is_repost=is_repost,
        reply_to=as_id(row.get("reply_to")),
        country=country(row.get("country")),
        service=_name(row.get("service")),
    )


def _time(value: object) -> int | Skip:
    if value is None or value == "":
        return Skip("no time")
    at = any_epoch_time(value)
    if at is None:
        parsed = value if isinstance(value, datetime) else parse_iso(value)
        if parsed is not None and parsed.tzinfo is None:
            return Skip(NAIVE)
        at = None if parsed is None else to_micros(parsed)
    return Skip("unreadable time") if at is None else at


def _post_id(
    value: object, source: str, author: str | None, created_at: int, text: str
) -> str | Skip:
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_FLOAT:
        value = int(value)
    if isinstance(value, float) or (isinstance(value, str) and _SCIENTIFIC.match(value)):
        return Skip("rounded post_id")
    return as_id(value) or derive_post_id(source, author, created_at, text)


def _yes_or_no(value: object) -> bool | None:
    if value is None:
        return False
    word = str(value).strip().lower() if isinstance(value, (str, bool, int, float)) else "?"
    return True if word in _YES else False if word in _NO else None


def _name(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


FORMAT: Final = Format("plain", "file", recognise, read)
