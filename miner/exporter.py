"""Tables to files: fixed columns, ISO 8601 UTC, CSV, Parquet or JSON lines.

Files are written beside their target and moved into place, so that a reader never
sees half a file. Pipeline files keep text exactly as it is; ``spreadsheet=True``
writes for people who open a file in a spreadsheet, where a text such as "=1+1" runs.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final, Literal

import pandas as pd

from miner.errors import OutputError

#: A cell that begins with one of these is run by spreadsheets (OWASP, CSV injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "|", "%")

FORMATS: Final = {".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".json": "jsonl"}


def format_of(path: str) -> str:
    """Format of an output by its name; "-" (standard output) and unknown names are CSV."""
    return FORMATS.get(Path(path).suffix.lower(), "csv")


def write(table: pd.DataFrame, path: str | Path, *, spreadsheet: bool = False) -> None:
    """Write one table to a file or, as "-", to standard output.

    Raises:
        OutputError: the file cannot be written.
    """
    write_parts([table], path, spreadsheet=spreadsheet)


def write_parts(
    parts: Iterable[pd.DataFrame], path: str | Path, *, spreadsheet: bool = False
) -> int:
    """Write tables with equal columns one after another as one; returns the number of rows.

    Raises:
        OutputError: the file cannot be written.
    """
    target = str(path)
    try:
        if target == "-":
            return _write_parts(parts, sys.stdout.buffer, "csv", spreadsheet)
        with _replacing(Path(target)) as file:
            return _write_parts(parts, file, format_of(target), spreadsheet)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        reason = error.strerror or str(error)
        raise OutputError(
            f"{target}: cannot be written: {reason}. Choose another place with -o."
        ) from None


def check_writable(path: str | Path | None) -> None:
    """Refuse an output that cannot be written, before long work begins.

    Raises:
        OutputError: the folder is missing or not writable.
    """
    if path is None or str(path) == "-":
        return
    target = Path(path)
    folder = target.parent
    if not folder.is_dir():
        raise OutputError(f"{target}: the folder {folder} does not exist; make it first")
    if target.is_dir():
        raise OutputError(f"{target}: is a folder; name a file, such as {target / 'series.csv'}")
    if not os.access(target if target.exists() else folder, os.W_OK):
        raise OutputError(f"{target}: no permission to write; choose another place with -o")


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of ``target`` when the block ends without an error."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)  # mkstemp's 0600 would surprise
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _write_parts(
    parts: Iterable[pd.DataFrame], file: IO[bytes], kind: str, spreadsheet: bool
) -> int:
    if kind == "parquet":
        return _write_parquet(parts, file)
    n_rows = 0
    for number, part in enumerate(parts):
        ready = _printable(part, spreadsheet=spreadsheet and kind == "csv")
        if kind == "csv":
            text = ready.to_csv(
                index=False, header=number == 0, lineterminator="\n", quoting=_quoting(ready)
            )
        else:
            text = ready.to_json(orient="records", lines=True, force_ascii=False)
        file.write(text.encode("utf-8", "replace"))
        n_rows += len(part)
    file.flush()
    return n_rows


def _quoting(table: pd.DataFrame) -> Literal[0, 2]:
    """Quotes around every text where one holds a lone carriage return.

    The csv module of Python before 3.13 leaves such a text bare, and readers, this
    project's too, then see two lines.
    """
    texts = (table[name] for name in table if pd.api.types.is_string_dtype(table[name].dtype))
    has_return = any(column.str.contains("\r", regex=False, na=False).any() for column in texts)
    return 2 if has_return else 0  # csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL


def _write_parquet(parts: Iterable[pd.DataFrame], file: IO[bytes]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    n_rows = 0
    for part in parts:
        table = pa.Table.from_pandas(part, preserve_index=False)
        if writer is None:
            writer = pq.ParquetWriter(file, table.schema, compression="zstd")
        # A part whose column is all null has no type of its own yet.
        writer.write_table(table.cast(writer.schema))
        n_rows += len(part)
    if writer is not None:
        writer.close()
    return n_rows


def _printable(table: pd.DataFrame, *, spreadsheet: bool) -> pd.DataFrame:
    """The table with times as ISO 8601 with Z and, for spreadsheets, harmless texts."""
    ready = table.copy(deep=False)
    for name in table.columns:
        column = table[name]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            ready[name] = iso(column)
        elif pd.api.types.is_bool_dtype(column.dtype):
            ready[name] = column.map({True: "true", False: "false"})
        elif spreadsheet and pd.api.types.is_string_dtype(column.dtype):
            risky = column.str.startswith(_FORMULA).fillna(value=False)
            ready[name] = column.mask(risky, "'" + column.astype("str"))
    return ready


def iso(times: pd.Series) -> pd.Series:
    """Times as "2022-10-25T06:50:00Z", with microseconds only where there are some."""
    utc = times.dt.tz_convert("UTC")
    text: pd.Series = utc.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    fine = utc.dt.microsecond.ne(0) & utc.notna()
    if fine.any():
        text = text.mask(fine, utc.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    return text
