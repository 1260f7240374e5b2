"""Any table with texts, part by part, every cell exactly as it stands in the file.

Where :mod:`miner.sources.archive` makes posts, this reads a researcher's own table:
all columns stay, in order, as texts; only Parquet keeps its types.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pandas as pd

from miner.errors import InputError, NaiveTimeError, SchemaError
from miner.post import UTC_DTYPE, require_columns, require_utc
from miner.sources.opening import Opened, open_file
from miner.sources.parsing import parse
from miner.sources.tables import delimited_rows

#: Rows of a part.
PART: Final = 20_000

_READABLE: Final = "CSV, JSON lines or Parquet"
_TRUE: Final = ("true", "1", "yes")


@dataclass
class Skipped:
    """Lines that gave no row: their number by reason, and the first few."""

    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, reason: str) -> None:
        """Count a line."""
        self.reasons[reason] += 1
        if len(self.examples) < 5:
            self.examples.append((line, reason))

    def summary(self, path: str) -> str:
        """One line for people, or "" when nothing was skipped."""
        if not self.reasons:
            return ""
        what = ", ".join(f"{n:,} {reason}" for reason, n in self.reasons.most_common(5))
        where = ", ".join(f"{path}:{line}" for line, _ in self.examples)
        return f"skipped {sum(self.reasons.values()):,} lines: {what} (first: {where})"


def read_parts(path: str, required: str | None, skipped: Skipped) -> Iterator[pd.DataFrame]:
    """Parts of a table that has the column ``required``, if one is.

    Raises:
        InputError: missing, empty, binary, or no table.
        SchemaError: the column is missing; the message names those there are.
    """
    parts = _parts(path, skipped)
    first = next(parts, None)
    if first is None:
        raise InputError(f"{path}: holds no rows; expected {_READABLE} with a header")
    if required is not None and required not in first.columns:
        has = ", ".join(map(repr, first.columns[:12]))
        raise SchemaError(
            f"{path}: no column {required!r}; its columns are: {has}. Rename the one that holds it."
        )
    yield first
    yield from parts


def _parts(path: str, skipped: Skipped) -> Iterator[pd.DataFrame]:
    if Path(path).is_dir():
        raise InputError(f"{path}: is a folder; name one file")
    with open_file(path) as opened:
        head = opened.head.lstrip()
        if head.startswith(b"PAR1"):
            yield from _parquet(path)
        elif head.startswith(b"{"):
            yield from _frames(_json_rows(opened, skipped))
        else:
            yield from _csv(opened, skipped)


def _csv(opened: Opened, skipped: Skipped) -> Iterator[pd.DataFrame]:
    columns, rows = delimited_rows(opened)
    if not columns:
        return

    def good() -> Iterator[list[str]]:
        for line, row in rows:
            if isinstance(row, str):
                skipped.add(line, row)
            else:
                yield row

    parts = good()
    while block := list(islice(parts, PART)):
        yield pd.DataFrame(block, columns=columns, dtype="str")


def _json_rows(opened: Opened, skipped: Skipped) -> Iterator[dict[str, Any]]:
    held = b""
    number = 0
    for chunk in (*opened.chunks(), b"\n"):
        *lines, held = (held + chunk).split(b"\n")
        for line in lines:
            number += 1
            if not line.strip():
                continue
            row = parse(line, Counter())
            if isinstance(row, dict):
                yield row
            else:
                skipped.add(number, "not a JSON object")


def _frames(rows: Iterator[dict[str, Any]]) -> Iterator[pd.DataFrame]:
    while block := list(islice(rows, PART)):
        yield pd.DataFrame.from_records(block)


def _parquet(path: str) -> Iterator[pd.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        for batch in pq.ParquetFile(path).iter_batches(PART):
            yield batch.to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: not a whole Parquet file ({error}); write it again") from None


def times_of(table: pd.DataFrame, name: str, path: str) -> pd.Series:
    """A column of times as UTC; what is no time, or has no zone, is missing.

    Raises:
        NaiveTimeError: there are times, and none of them has a zone.
    """
    column = table[name]
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return require_utc(column, path)
    text = column.astype("str").str.strip()
    # Two-digit zones such as +00 are ISO 8601 too; a date's "-25" must not look like one.
    has_zone = text.str.contains(r"(?:Z|\d\d:\d\d\S*[+-]\d\d(?::?\d\d)?|UTC|GMT)$", na=False)
    times = pd.to_datetime(text.where(has_zone), utc=True, errors="coerce", format="ISO8601")
    named = text.str.len().gt(0).fillna(value=False)
    if named.any() and not has_zone.any():
        example = text[named].iloc[0]
        raise NaiveTimeError(
            f"{path}: the times in {name!r} have no zone (such as {example!r}); "
            "add Z for UTC or an offset: 2022-10-25T06:50:00Z"
        )
    return times.astype(UTC_DTYPE)


def read_labelled(path: str, skipped: Skipped) -> Iterator[pd.DataFrame]:
    """Parts of a labelled table, with ``created_at`` and ``observed_at`` as UTC times.

    Rows without a usable time are left out and counted in ``skipped``.

    Raises:
        InputError: missing, empty, binary, or no table.
        SchemaError: no column ``label`` or ``created_at``.
        NaiveTimeError: no time of the first part has a zone.
    """
    line = 1
    for part in read_parts(path, "label", skipped):
        require_columns(part, ["created_at"], path)
        table = part.assign(created_at=times_of(part, "created_at", path))
        if "observed_at" in part.columns:
            table["observed_at"] = times_of(part, "observed_at", path)
        if "is_repost" in part.columns:
            table["is_repost"] = part["is_repost"].astype("str").str.lower().isin(_TRUE)
        for at in table.index[table["created_at"].isna()]:
            skipped.add(line + int(at) + 1, "without a time that has a zone")
        line += len(part)
        yield table[table["created_at"].notna()].reset_index(drop=True)
