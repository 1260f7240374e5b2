"""Rows of CSV and Parquet files as records."""

from __future__ import annotations

import codecs
import csv
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Final

from miner.errors import InputError
from miner.formats import Record, Skip
from miner.formats.plain import OPTIONAL, REQUIRED
from miner.sources.opening import Opened
from miner.sources.parsing import REPLACED_BYTES

if TYPE_CHECKING:
    from _csv import Reader as CsvReader  # has a name for type checkers only

#: A row: the line it ends on or its number from 1, a record or a Skip, what to quote.
Row = tuple[int, Record | Skip, object]

_LONGEST_FIELD: Final = 10 << 20
_PARQUET_BATCH: Final = 4096


def looks_like_table(head: bytes) -> bool:
    """Whether the first line names the required columns."""
    return _is_header(_header_of(head)[1])


def delimited_rows(
    opened: Opened, notes: Counter[str] | None = None
) -> tuple[list[str], Iterator[tuple[int, list[str] | str]]]:
    """The columns of a CSV file as it names them, and its rows.

    A row is the line it ends on and its fields, or the reason why they do not fit the
    columns. What was replaced in decoding is counted in ``notes``.
    """
    columns, rows = _rows(opened, Counter[str]() if notes is None else notes)
    return columns, ((line, reason or fields) for line, fields, reason in rows)


def read_csv(path: str, opened: Opened, notes: Counter[str]) -> Iterator[Row]:
    """The rows of a CSV file as records; those that do not fit the header as Skips."""
    written, rows = _rows(opened, notes)
    columns = _names(written)
    _check_columns(path, columns)
    optional = [(name, columns.index(name)) for name in OPTIONAL if name in columns]
    for line, fields, reason in rows:
        if reason:
            yield line, Skip(reason), fields
            continue
        record: Record = dict(zip(columns, fields, strict=True))
        for name, index in optional:
            if not fields[index]:
                record[name] = None
        yield line, record, fields


def _header_of(head: bytes) -> tuple[str, list[str]]:
    """The delimiter (comma, semicolon or tab) of a first line, and the columns it gives."""
    lines = head.lstrip().splitlines()
    line = lines[0][:100_000].decode(errors="replace") if lines else ""
    readings = [(mark, _fields(line, mark)) for mark in ",;\t"]
    return max(readings, key=lambda reading: (_is_header(reading[1]), len(reading[1])))


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _names(columns: list[str]) -> list[str]:
    return [name.strip().lower() for name in columns]


def _is_header(columns: list[str]) -> bool:
    return set(REQUIRED) <= set(_names(columns))


def _rows(
    opened: Opened, notes: Counter[str]
) -> tuple[list[str], Iterator[tuple[int, list[str], str | None]]]:
    """The columns; line, fields and reason against them of each row that is not blank."""
    delimiter, columns = _header_of(opened.head)
    csv.field_size_limit(_LONGEST_FIELD)
    lines = _Lines(opened, notes)
    rows = _judged(lines, csv.reader(lines, delimiter=delimiter), opened, len(columns))
    return columns, islice(rows, 1, None)  # without the header


def _judged(
    lines: _Lines, reader: CsvReader, opened: Opened, width: int
) -> Iterator[tuple[int, list[str], str | None]]:
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = "field over 10 MB" if "limit" in str(error) else "bad CSV"
            yield reader.line_num, [], reason
            continue
        if len(fields) < 2 and not "".join(fields).strip():
            continue
        if lines.are_done:  # only an open quote makes the reader ask beyond the end
            reason = "unclosed quote"
        elif len(fields) != width:
            reason = f"too {'few' if len(fields) < width else 'many'} fields"
        else:
            reason = ""
        if opened.fault and (lines.are_done or lines.is_torn):
            reason = opened.fault
        yield reader.line_num, fields, reason or None


class _Lines:
    """The text lines of a file, each with its newline.

    Attributes:
        are_done: whether the end was asked for.
        is_torn: whether the line given last has no newline.
    """

    def __init__(self, opened: Opened, notes: Counter[str]) -> None:
        self.are_done = False
        self.is_torn = False
        self._lines = self._decoded(opened.chunks(), notes)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.are_done = True
            raise StopIteration
        self.is_torn = not line.endswith("\n")
        return line

    @staticmethod
    def _decoded(chunks: Iterator[bytes], notes: Counter[str]) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        held = ""
        for chunk in chunks:
            *whole, held = (held + decoder.decode(chunk)).split("\n")
            for line in whole:
                notes[REPLACED_BYTES] += "\ufffd" in line
                yield line + "\n"
        held += decoder.decode(b"", final=True)
        if held:
            notes[REPLACED_BYTES] += "\ufffd" in held
            yield held


def read_parquet(path: str, opened: Opened) -> Iterator[Row]:
    """The rows of a Parquet file, in its order; standard input goes over a temporary file."""
    import pyarrow.parquet as pq

    if opened.compression != "none":
        raise InputError(f"{path}: Parquet inside {opened.compression}; unpack it first")
    with _seekable(opened) as stream:
        try:
            file = pq.ParquetFile(stream)
            names = [str(name) for name in file.schema_arrow.names]
            _check_columns(path, [name.strip().lower() for name in names])
            wanted = [name for name in names if name.strip().lower() in (*REQUIRED, *OPTIONAL)]
            number = 0
            for batch in file.iter_batches(_PARQUET_BATCH, columns=wanted):
                for row in batch.to_pylist():
                    number += 1
                    yield number, {name.strip().lower(): row[name] for name in row}, row
        except (OSError, ValueError) as error:  # pyarrow's errors are both or either
            raise InputError(
                f"{path}: not a whole Parquet file ({error}); write it again"
            ) from error


@contextmanager
def _seekable(opened: Opened) -> Iterator[BinaryIO]:
    if opened.stream.seekable():
        yield opened.stream
        return
    with tempfile.TemporaryFile() as copy:
        for chunk in opened.chunks():
            copy.write(chunk)
        copy.seek(0)
        yield copy


def _check_columns(path: str, columns: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        has = ", ".join(map(repr, columns[:12])) or "none"
        raise InputError(
            f"{path}: no column {' and no column '.join(map(repr, missing))}; its columns are: "
            f"{has[:300]}. Rename those that hold the time and the text to created_at and text."
        )
    for name in (*REQUIRED, *OPTIONAL):
        if columns.count(name) > 1:
            raise InputError(f"{path}: {columns.count(name)} columns are named {name!r}; keep one")
