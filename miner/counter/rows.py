"""Labelled posts as compact rows: the form in which they are merged and counted.

A row is 53 bytes, where the table of a post is a kilobyte; texts and names are
replaced by 64-bit hashes and small codes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from miner.counter.times import microseconds
from miner.errors import InputError
from miner.post import LABELS, SYMPTOMS, require_columns, require_utc
from miner.text import fold, without_urls

ROW: Final = np.dtype(
    [
        ("when", "<i8"),
        ("post", "<u8"),
        ("author", "<u8"),  # 0: unknown
        ("row", "<u8"),  # number of the row in its input, for reports
        ("tie", "<u4"),  # hash of the content: a choice between equals that needs no order
        ("print_a", "<u4"),  # fingerprints of a complaint's text; 0: too short
        ("print_b", "<u4"),
        ("service", "<u2"),
        ("lang", "<u2"),
        ("country", "<u2"),
        ("source", "<u2"),
        ("label", "u1"),
        ("symptom", "u1"),  # 0: none
        ("repost", "?"),
    ]
)
Rows = NDArray[np.void]

COMPLAINT: Final = LABELS.index("complaint")
RECOVERY: Final = LABELS.index("recovery")
CHATTER: Final = LABELS.index("chatter")

#: Texts of fewer distinct words are alike by nature ("whatsapp down again").
FLOOD_WORDS: Final = 8
#: As many different authors of one text make a copy-paste flood.
FLOOD_AUTHORS: Final = 5

_WORD = re.compile(r"[^\W\d_]{3,}")
_HANDLE = re.compile(r"@\w+")
_UNNAMED: Final = "unknown"


@dataclass
class Codebook:
    """Names behind the small codes of a column; code 0 is "unknown"."""

    names: list[str] = field(default_factory=lambda: [_UNNAMED])
    _codes: dict[str, int] = field(default_factory=lambda: {_UNNAMED: 0})

    def encode(self, values: Sequence[object] | pd.Series) -> NDArray[np.uint16]:
        """Codes of the values; missing and empty ones get 0."""
        codes, names = pd.factorize(pd.Series(values, dtype="object"), use_na_sentinel=True)
        table = np.array([self.code(name) for name in names] + [0], dtype=np.uint16)
        return table[codes]

    def code(self, name: object) -> int:
        """Code of one name, new or known."""
        key = str(name) if name != "" else _UNNAMED
        if key not in self._codes:
            if len(self.names) > np.iinfo(np.uint16).max:
                raise InputError(
                    f"more than 65,535 different names in one column ({key!r} is one more); "
                    "is a column such as service or lang mixed up with another?"
                )
            self._codes[key] = len(self.names)
            self.names.append(key)
        return self._codes[key]


@dataclass
class Codebooks:
    """The codebooks of one set of rows."""

    service: Codebook = field(default_factory=Codebook)
    lang: Codebook = field(default_factory=Codebook)
    country: Codebook = field(default_factory=Codebook)
    source: Codebook = field(default_factory=Codebook)


_CODED: Final = ("service", "lang", "country", "source")


def rows_of(labelled: pd.DataFrame, books: Codebooks, first_row: int = 0) -> Rows:
    """Rows of a labelled table, in its order; new names are added to ``books``.

    The time of a row is ``created_at``, or ``observed_at`` where that is earlier: a
    post cannot have been written after it was seen, whatever its clock says.

    Raises:
        SchemaError: a column is missing.
        NaiveTimeError: times without a zone.
        InputError: a label or symptom that does not exist.
    """
    require_columns(labelled, ["created_at", "label"], "the labelled table")
    rows = np.zeros(len(labelled), dtype=ROW)
    when = microseconds(require_utc(labelled["created_at"], "the labelled table"))
    if "observed_at" in labelled.columns and labelled["observed_at"].notna().any():
        seen = microseconds(require_utc(labelled["observed_at"], "the labelled table"))
        when = np.where(labelled["observed_at"].notna(), np.minimum(when, seen), when)
    rows["when"] = when
    rows["row"] = np.arange(first_row, first_row + len(labelled), dtype=np.uint64)
    rows["post"] = _post_keys(labelled)
    rows["tie"] = _ties(labelled)
    rows["author"] = _hashes(_column(labelled, "author"))
    for name in _CODED:
        rows[name] = getattr(books, name).encode(_column(labelled, name))
    rows["label"] = _codes(labelled["label"], LABELS, "label", 0)
    rows["symptom"] = _codes(_column(labelled, "symptom"), SYMPTOMS, "symptom", 1)
    if "is_repost" in labelled.columns:
        rows["repost"] = labelled["is_repost"].fillna(value=False).astype(bool)
    if "text" in labelled.columns:
        _add_fingerprints(rows, labelled["text"])
    return rows


def recode(rows: Rows, books: Codebooks, into: Codebooks) -> Rows:
    """Rows with their codes translated from one set of codebooks to another."""
    result = rows.copy()
    for name in _CODED:
        names = getattr(books, name).names
        table = np.array([getattr(into, name).code(n) for n in names], dtype=np.uint16)
        result[name] = table[rows[name]]
    return result


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    if name in table.columns:
        return table[name]
    return pd.Series([None] * len(table), dtype="object", index=table.index)


def _codes(values: pd.Series, known: Sequence[str], what: str, base: int) -> NDArray[np.uint8]:
    codes, names = pd.factorize(values.astype("object"), use_na_sentinel=True)
    table = np.zeros(len(names) + 1, dtype=np.uint8)
    for index, name in enumerate(names):
        if name == "" and base:
            continue
        if name not in known:
            raise InputError(f"{name!r} is no {what}; it is one of {', '.join(known)}")
        table[index] = known.index(name) + base
    if not base and (codes < 0).any():
        raise InputError(f"a row has no {what}; it is one of {', '.join(known)}")
    return table[codes]


def _post_keys(labelled: pd.DataFrame) -> NDArray[np.uint64]:
    """Hash of (source, post_id); a row without an id is a post of its own."""
    ids = _column(labelled, "post_id").to_numpy(object)
    sources = _column(labelled, "source").to_numpy(object)
    texts = _column(labelled, "text").to_numpy(object)
    times = labelled["created_at"].astype("int64").to_numpy()
    authors = _column(labelled, "author").to_numpy(object)
    keys = (
        _hash(f"{source}\x1f{post_id}")
        if isinstance(post_id, str) and post_id
        else _hash(f"{source}\x1f{author}\x1f{time}\x1f{text}")
        for source, post_id, author, time, text in zip(
            sources, ids, authors, times, texts, strict=True
        )
    )
    return np.fromiter(keys, dtype=np.uint64, count=len(labelled))


def _ties(labelled: pd.DataFrame) -> NDArray[np.uint32]:
    names = [n for n in ("author", "lang", "country", "text") if n in labelled.columns]
    columns = [labelled[name].to_numpy(object) for name in names]
    keys = (_hash(repr(values)) & 0xFFFFFFFF for values in zip(*columns, strict=True))
    if not names:
        return np.zeros(len(labelled), dtype=np.uint32)
    return np.fromiter(keys, dtype=np.uint32, count=len(labelled))


def post_key(source: str, post_id: str) -> int:
    """Key of a post, as in the ``post`` field of its rows."""
    return _hash(f"{source}\x1f{post_id}")


def _hashes(values: pd.Series) -> NDArray[np.uint64]:
    keys = (_hash(value) if isinstance(value, str) and value else 0 for value in values.array)
    return np.fromiter(keys, dtype=np.uint64, count=len(values))


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1


def _add_fingerprints(rows: Rows, texts: pd.Series) -> None:
    complaints = np.flatnonzero(rows["label"] == COMPLAINT)
    values = texts.array
    for at in complaints:
        text = values[at]
        if isinstance(text, str):
            rows["print_a"][at], rows["print_b"][at] = fingerprints(text)


def fingerprints(text: str) -> tuple[int, int]:
    """Two 32-bit fingerprints that near-duplicate texts mostly share; zeros if too short.

    Each is a hash of the three smallest hashes of the text's distinct words (bottom-k
    sketch, Broder 1997), so that a changed, added or dropped word leaves it as it is
    unless it is one of the three; links, handles, digits and signs do not take part.
    """
    words = set(_WORD.findall(_HANDLE.sub(" ", fold(without_urls(text)))))
    if len(words) < FLOOD_WORDS:
        return 0, 0
    hashed = [_hash(word) for word in words]
    return _bottom(hashed, 32), _bottom(hashed, 0)


def _bottom(hashes: Iterable[int], shift: int) -> int:
    smallest = sorted(((value >> shift) & 0xFFFFFFFF, value) for value in hashes)[:3]
    return _hash(",".join(str(value) for _, value in smallest)) & 0xFFFFFFFF or 1
