"""Opening a database, and saying what to do about it when it fails.

Readers open it read-only and see the state of the last finished page. In write-ahead
mode they never wait for the writer, nor the writer for them.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from miner.errors import StoreError
from miner.store.schema import APPLICATION_ID, VERSION, migrate, version_of

#: Seconds to wait for another writer before giving up.
_PATIENCE: Final = 30.0


@contextlib.contextmanager
def reading(path: str | Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection.

    Raises:
        StoreError: no such file, not a database of this program, damaged, or of
            another version.
    """
    if not Path(path).is_file():
        raise StoreError(f"{path}: no such database; `miner collect --db {path} …` makes one")
    with explained(path):
        address = f"file:{quote(str(Path(path).resolve()))}?mode=ro"
        connection = sqlite3.connect(
            address, uri=True, isolation_level=None, timeout=_PATIENCE, check_same_thread=False
        )
        try:
            _check(connection, path)
            if version_of(connection) < VERSION:
                raise StoreError(
                    f"{path}: made by an older version of miner; run `miner doctor --db {path}` "
                    "once, which brings it up to date"
                )
            yield connection
        finally:
            connection.close()


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[sqlite3.Connection]:
    """A connection that writes; the file is made, or brought up to date, where needed.

    Raises:
        StoreError: as for :func:`reading`, or the file cannot be written.
    """
    folder = Path(path).resolve().parent
    if not folder.is_dir():
        raise StoreError(f"{path}: the folder {folder} does not exist; make it first")
    with explained(path):
        connection = sqlite3.connect(
            path, isolation_level=None, timeout=_PATIENCE, check_same_thread=False
        )
        try:
            _check(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            # A page survives a crash of the program; the last pages may be lost when
            # the machine loses power, and are asked for again from the older cursor.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")  # forgotten is gone from the file
            connection.execute("PRAGMA cache_size = -65536")
            migrate(connection)
            yield connection
        finally:
            connection.close()


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All changes of the block, or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk has rolled back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """One state of the database for several questions."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def _check(connection: sqlite3.Connection, path: str | Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if n_tables and application != APPLICATION_ID:
        raise StoreError(f"{path}: is a database of another program; name another file with --db")
    version = version_of(connection)
    if version > VERSION:
        raise StoreError(
            f"{path}: made by a newer version of miner (schema {version}, this one knows "
            f"{VERSION}); upgrade: pip install -U miner"
        )


@contextlib.contextmanager
def explained(path: str | Path) -> Iterator[None]:
    """Errors of SQLite as errors with the next step."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        raise StoreError(f"{path}: {_explain(str(error), name, path)}") from error


def rescue(path: str | Path) -> str:
    """What to do with a damaged database."""
    return (
        "use a copy from before, or copy what can still be read: "
        f"sqlite3 {path} .recover | sqlite3 rescued.db, then `miner doctor --db rescued.db "
        "--repair`"
    )


#: What the parts of an error mean, and what to do; the first that fits.
_MEANINGS: Final = (
    (
        # Writing failed below SQLite; that says nothing of the file.
        ("sqlite_ioerr_write", "sqlite_ioerr_fsync", "sqlite_ioerr_shm"),
        (
            "the system refused to write (a limit on the size of files, or a disk that fails); "
            "mend that and run again: what was stored is whole, and the rest is asked for again"
        ),
    ),
    (
        ("full",),
        (
            "the disk is full; free some space and run again: what was stored is whole, and the "
            "rest is asked for again"
        ),
    ),
    (
        ("readonly", "read-only"),
        "cannot be written; check its permissions and those of its folder",
    ),
    (
        ("unable to open",),
        "cannot be opened; check that its folder exists and can be written",
    ),
    (
        ("locked", "busy"),
        "another program holds a lock on it; close it and run again",
    ),
)
_DAMAGED: Final = ("malformed", "not a database", "corrupt", "disk i/o")


def _explain(reason: str, name: str, path: str | Path) -> str:
    low = f"{name} {reason}".lower()
    for parts, meaning in _MEANINGS:
        if any(part in low for part in parts):
            return meaning
    if any(part in low for part in _DAMAGED):
        return f"damaged, or not a database ({reason}); {rescue(path)}"
    return f"the database refused: {reason}"
