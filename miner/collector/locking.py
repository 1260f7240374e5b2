"""One job a database: the second one says so and leaves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import filelock

from miner.errors import BusyError, StoreError


@contextlib.contextmanager
def only_job(path: str | Path) -> Iterator[None]:
    """Hold the lock of a database; it is freed also when the process is killed.

    Raises:
        BusyError: another job holds it.
        StoreError: the lock file beside the database cannot be made.
    """
    folder = Path(path).resolve().parent
    if not folder.is_dir():
        raise StoreError(f"{path}: the folder {folder} does not exist; make it first")
    lock = filelock.FileLock(f"{path}.lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise BusyError(
            f"{path}: another job is collecting into this database; wait for it to end, or "
            "give this one a database of its own with --db"
        ) from None
    except OSError as error:
        raise StoreError(
            f"{path}: its lock file {path}.lock cannot be made: {error.strerror or error}; "
            "check that the folder exists and can be written"
        ) from None
    try:
        yield
    finally:
        lock.release()
