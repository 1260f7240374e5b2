"""New labels for old posts, after a new model; counts follow batch by batch."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final

import pandas as pd

from miner.classifier import Classifier, label
from miner.store.counting import COLUMNS, Minutes, Row, add_row, remove_row
from miner.store.writer import Writer

#: Candidates in a transaction; an interrupted relabelling goes on from the last one.
BATCH: Final = 2_000

_OLD: Final = (
    f"SELECT {', '.join('c.' + name for name in COLUMNS.split(', '))}, p.text "
    "FROM candidate c JOIN post p ON p.id = c.post "
    "WHERE c.model <> ? AND (c.service, c.at, c.post) > (?, ?, ?) "
    "ORDER BY c.service, c.at, c.post LIMIT ?"
)


def relabel(
    writer: Writer,
    model: Classifier | None,
    version: str,
    *,
    purpose: str = "balanced",
    progress: Callable[[int], None] | None = None,
) -> tuple[int, int]:
    """Label again what another model has labelled.

    Args:
        writer: the database.
        model: the shipped one by default.
        version: of the model; candidates that have it already are left alone.
        purpose: see :func:`miner.label`.
        progress: told of the number of candidates done.

    Returns:
        How many candidates were labelled, and how many changed their label or symptom.
    """
    n_done = n_changed = 0
    last: tuple[str, int, int] = ("", -(1 << 62), 0)
    while True:
        with writer.transaction() as connection:
            batch = connection.execute(_OLD, (version, *last, BATCH)).fetchall()
            if not batch:
                return n_done, n_changed
            rows = [Row(*values[:-1]) for values in batch]
            table = label(pd.DataFrame({"text": [v[-1] for v in batch]}), model, purpose=purpose)
            n_changed += _apply(connection, rows, table, version)
        n_done += len(batch)
        last = (rows[-1].service, rows[-1].at, rows[-1].post)
        if progress is not None:
            progress(n_done)


def _apply(
    connection: sqlite3.Connection, rows: Sequence[Row], table: pd.DataFrame, version: str
) -> int:
    minutes = Minutes()
    n_changed = 0
    symptoms = table["symptom"].astype(object).where(table["symptom"].notna(), None)
    labels = zip(table["label"], table["p_complaint"], symptoms, strict=True)
    for old, (name, p_complaint, symptom) in zip(rows, labels, strict=True):
        key = (old.service, old.at, old.post)
        if (name, symptom) != (old.label, old.symptom):
            n_changed += 1
            _move(connection, key, name, symptom, minutes)
        connection.execute(
            "UPDATE candidate SET p_complaint = ?, model = ? "
            "WHERE service = ? AND at = ? AND post = ?",
            (float(p_complaint), version, *key),
        )
    minutes.write(connection)
    return n_changed


def _move(
    connection: sqlite3.Connection,
    key: tuple[str, int, int],
    name: str,
    symptom: Any,
    minutes: Minutes,
) -> None:
    """Give a candidate its new label, in the table and in the counts."""
    where = "WHERE service = ? AND at = ? AND post = ?"
    # Read again: another row of the batch may have changed whether this one counts.
    old = Row(*connection.execute(f"SELECT {COLUMNS} FROM candidate {where}", key).fetchone())
    new = old._replace(label=name, symptom=symptom, counted=0)
    # While it is neither, it is no complaint that another could lose to or inherit from.
    connection.execute(f"UPDATE candidate SET label = 'other', counted = 0 {where}", key)
    remove_row(connection, old, minutes)
    flag = add_row(connection, new, minutes)
    connection.execute(
        f"UPDATE candidate SET label = ?, symptom = ?, counted = ? {where}",
        (name, symptom, flag, *key),
    )
