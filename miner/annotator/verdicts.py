"""The file of verdicts: a CSV file that at any moment holds every verdict given."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from miner.annotator.posts import Cells
from miner.errors import InputError, OutputError, SchemaError, UsageError
from miner.exporter import check_writable, format_of
from miner.post import LABELS

#: Columns of the file after those of the posts; ``annotated_at`` is in UTC.
ADDED: Final = ("label", "symptom", "drawn", "annotated_at")

_LONGEST_FIELD: Final = 10 << 20


class Verdicts:
    """Rows of posts with their verdicts, on disk as soon as they are given.

    Args:
        path: a CSV file, begun at an earlier sitting or not there yet.
        columns: of the posts; the file has :data:`ADDED` after them.

    Attributes:
        rows: the cells of each verdict, in the order given.
        torn: rows that a crash had cut off, 0 or 1; they are taken out.

    Raises:
        UsageError: the name is not that of a CSV file.
        OutputError: the file cannot be read or written.
        SchemaError: it has other columns.
        InputError: one of its rows holds no verdict.
    """

    def __init__(self, path: str | Path, columns: Sequence[str]) -> None:
        if str(path) == "-" or format_of(str(path)) != "csv":
            raise UsageError(
                f"-o {path}: verdicts are added to a CSV file; name one, ending in .csv"
            )
        check_writable(path)
        self.path = Path(path).resolve()
        self.columns = [*columns, *ADDED]
        self.rows: list[list[str]] = []
        self.torn = 0
        self._is_begun = False
        with self._touching():
            self._read()

    def given(self) -> Iterator[tuple[Cells, str]]:
        """The post of each verdict, and how it was drawn."""
        names = self.columns[: -len(ADDED)]
        for row in self.rows:
            yield dict(zip(names, row, strict=False)), row[-2]

    def labels(self) -> list[str]:
        """The label of each verdict."""
        return [row[-len(ADDED)] for row in self.rows]

    def append(self, row: list[str]) -> None:
        """Add a verdict; it is on disk when this returns.

        Raises:
            OutputError: the file cannot be written.
        """
        with self._touching():
            if self._is_begun and self.path.exists():
                with self.path.open("ab") as file:
                    _store(file, [row])
            else:
                self._rewrite([*self.rows, row])
                self._is_begun = True
        self.rows.append(row)

    def pop(self) -> None:
        """Take the last verdict back.

        Raises:
            OutputError: the file cannot be written.
        """
        with self._touching():
            self._rewrite(self.rows[:-1])
        del self.rows[-1]

    def _read(self) -> None:
        raw = self.path.read_bytes() if self.path.exists() else b""
        csv.field_size_limit(_LONGEST_FIELD)
        # Bytes that are no UTF-8 come back as they are when the file is written again.
        text = io.StringIO(raw.decode("utf-8-sig", "surrogateescape"), newline="")
        try:
            found = [row for row in csv.reader(text) if row]
        except csv.Error as error:
            raise InputError(f"{self.path}: not a CSV file ({error}); choose another -o") from None
        if not found:
            return
        header, *rows = found
        self._check_header(header)
        self._is_begun = True
        is_cut = not raw.endswith(b"\n") or bool(rows and len(rows[-1]) < len(header))
        if is_cut and rows and not (self._is_verdict(rows[-1]) and rows[-1][-1].endswith("Z")):
            del rows[-1]
            self.torn = 1
        self._check_rows(rows)
        self.rows = rows
        if is_cut:
            self._rewrite(rows)

    def _check_header(self, header: list[str]) -> None:
        if header != self.columns:
            has, wanted = ", ".join(header)[:300], ", ".join(self.columns)[:300]
            raise SchemaError(
                f"{self.path}: was not begun with this table: its columns are {has}; they would "
                f"have to be {wanted}. Choose another file with -o."
            )

    def _check_rows(self, rows: list[list[str]]) -> None:
        for number, row in enumerate(rows, 1):
            if not self._is_verdict(row):
                raise InputError(
                    f"{self.path}: row {number} holds no verdict: {len(row)} of "
                    f"{len(self.columns)} cells, label one of {', '.join(LABELS)}? Mend it, or "
                    "choose another file with -o."
                )

    def _is_verdict(self, row: list[str]) -> bool:
        return len(row) == len(self.columns) and row[-len(ADDED)] in LABELS

    def _rewrite(self, rows: Sequence[Sequence[str]]) -> None:
        beside = self.path.with_name(f".{self.path.name}.new")
        try:
            with beside.open("wb") as file:
                _store(file, [self.columns, *rows])
            if self.path.exists():
                shutil.copymode(self.path, beside)
            beside.replace(self.path)
        finally:
            beside.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _touching(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(
                f"{self.path}: cannot be read or written: {reason}; verdicts up to the one "
                "before are safe. Start again with the same -o to go on."
            ) from None


def _store(file: io.BufferedWriter, rows: Sequence[Sequence[str]]) -> None:
    text = "".join(map(_line, rows))
    file.write(text.encode("utf-8", "surrogateescape"))
    file.flush()
    os.fsync(file.fileno())


def _line(row: Sequence[str]) -> str:
    buffer = io.StringIO(newline="")
    # With "\r\n", because before Python 3.13 a lone "\r" in a cell is quoted only then.
    csv.writer(buffer, lineterminator="\r\n").writerow(row)
    return buffer.getvalue().removesuffix("\r\n") + "\n"
