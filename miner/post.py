"""The post, and the columns, dtypes and meaning of every table.

All times are timezone-aware UTC with microsecond resolution. Tables are pandas
DataFrames at every public door; inside the readers a post is a light tuple whose
times are integers, because a million ``datetime`` objects cost seconds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import pandas as pd

from miner.errors import NaiveTimeError, SchemaError

UTC_DTYPE: Final = "datetime64[us, UTC]"


class Post(NamedTuple):
    """One public message as a reader yields it.

    Times are microseconds since 1970-01-01 UTC. ``author`` is a keyed hash (see
    :mod:`miner.sources.authors`), never the handle.
    """

    source: str
    post_id: str
    created_at: int
    observed_at: int | None = None
    author: str | None = None
    text: str = ""
    lang: str | None = None
    is_repost: bool = False
    reply_to: str | None = None
    country: str | None = None
    service: str | None = None


#: The post table. ``created_at`` is what the platform says (it can lie, or lie in
#: the future); ``observed_at`` is when the post was seen, where that is known;
#: ``country`` is an ISO 3166 alpha-2 code from the platform's own place, never a
#: guess; ``service`` is given only by archives collected for one service.
POST: Final[Mapping[str, str]] = {
    "source": "str",
    "post_id": "str",
    "created_at": UTC_DTYPE,
    "observed_at": UTC_DTYPE,
    "author": "str",
    "text": "str",
    "lang": "str",
    "is_repost": "bool",
    "reply_to": "str",
    "country": "str",
}

#: Post × service that matched. ``symptom_hint`` is the symptom of the phrase.
CANDIDATE: Final[Mapping[str, str]] = {
    **POST,
    "service": "str",
    "phrase": "str",
    "symptom_hint": "str",
}

#: A candidate with its label (:data:`LABELS`), the probability that it is a
#: complaint, and, for complaints, its main symptom (:data:`SYMPTOMS`).
LABELLED: Final[Mapping[str, str]] = {
    **CANDIDATE,
    "label": "str",
    "p_complaint": "float64",
    "symptom": "str",
}

LABELS: Final = ("complaint", "recovery", "chatter", "other")

SYMPTOMS: Final = (
    "down",
    "connect",
    "login",
    "send",
    "receive",
    "load",
    "slow",
    "crash",
    "call",
    "pay",
    "feature",
)

#: Columns of the series after ``bin_start, service`` and the optional dimension.
SERIES_VALUES: Final = (
    "coverage",
    "mentions",
    "complaints",
    "complaints_low",
    "complaints_high",
    "authors",
    "recoveries",
    "chatter",
    "expected",
    "upper",
    "score",
    "state",
)

#: The outages table. ``onset, peak_at`` and ``end`` are the likeliest times, ``_low`` and
#: ``_high`` their 90 % intervals; ``detected_at`` is when a reader at that time could have
#: known. The end is when complaints begin to fall back, null while the outage lasts.
#: ``complaints`` are those from onset to end, ``severity`` is their ratio to the expected
#: ones; ``symptoms`` and ``countries`` are the leading ones with their shares.
OUTAGES: Final[Mapping[str, str]] = {
    "service": "str",
    "onset": UTC_DTYPE,
    "onset_low": UTC_DTYPE,
    "onset_high": UTC_DTYPE,
    "detected_at": UTC_DTYPE,
    "peak_at": UTC_DTYPE,
    "peak": "float64",
    "end": UTC_DTYPE,
    "end_low": UTC_DTYPE,
    "end_high": UTC_DTYPE,
    "complaints": "float64",
    "severity": "float64",
    "symptoms": "str",
    "countries": "str",
}

#: Dimensions a series can be split by, and the column each one reads.
DIMENSIONS: Final[Mapping[str, str]] = {
    "symptom": "symptom",
    "lang": "lang",
    "country": "country",
    "source": "source",
}

_AUTHOR_HASH = re.compile(r"h_[0-9a-f]{16}\Z")


def hash_author(handle: str, key: bytes) -> str:
    """Keyed 64-bit hash of a handle or author id, such as ``h_0123456789abcdef``.

    A value that is such a hash already is returned as it is, so that a table can
    be read, written and read again.
    """
    if _AUTHOR_HASH.match(handle):
        return handle
    digest = hashlib.blake2b(handle.encode("utf-8", "surrogatepass"), key=key, digest_size=8)
    return "h_" + digest.hexdigest()


def derive_post_id(*parts: str | int | None) -> str:
    """Id of a post that came without one: a hash of its content."""
    joined = "\x1f".join("" if part is None else str(part) for part in parts)
    digest = hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=10)
    return "d_" + digest.hexdigest()


def post_table(posts: Iterable[Post]) -> pd.DataFrame:
    """Post table of an iterable of :class:`Post`: the columns of :data:`POST`.

    A column ``service`` is added only where at least one post names one.
    """
    rows = list(posts)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(Post._fields)
    by_name = dict(zip(Post._fields, columns, strict=True))
    table = {name: _series(by_name[name], dtype) for name, dtype in POST.items()}
    if any(by_name["service"]):
        table["service"] = _series(by_name["service"], "str")
    return pd.DataFrame(table)


def _series(values: tuple[object, ...], dtype: str) -> pd.Series:
    if dtype == UTC_DTYPE:
        integers = pd.Series(values, dtype="Int64")
        return pd.Series(pd.to_datetime(integers, unit="us", utc=True)).astype(UTC_DTYPE)
    return pd.Series(values, dtype=dtype)


def require_columns(table: pd.DataFrame, names: Iterable[str], what: str) -> None:
    """Check that ``table`` has the columns, or raise a :class:`SchemaError`."""
    missing = [name for name in names if name not in table.columns]
    if missing:
        has = ", ".join(map(str, table.columns[:12])) or "none"
        raise SchemaError(
            f"{what} has no column {', '.join(repr(name) for name in missing)}; "
            f"its columns are: {has}. Rename a column, or add it."
        )


def require_utc(times: pd.Series, what: str) -> pd.Series:
    """The times as UTC with microseconds; naive ones raise :class:`NaiveTimeError`."""
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        raise NaiveTimeError(
            f"{what} has times without a zone (dtype {times.dtype}). If they are UTC: "
            f"table[{times.name!r}] = pd.to_datetime(table[{times.name!r}], utc=True)"
        )
    utc: pd.Series = times.dt.tz_convert("UTC").astype(UTC_DTYPE)
    return utc
