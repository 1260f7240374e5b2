"""The posts of a table as cells, and which of them are the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import pandas as pd

from miner.errors import SchemaError, UsageError
from miner.exporter import iso
from miner.post import require_columns
from miner.sources.labelled import Skipped, read_parts

#: A post as it stands in a CSV file: its cells by column, in order.
Cells = dict[str, str]


def read_posts(path: str, skipped: Skipped, service: str | None = None) -> pd.DataFrame:
    """All posts of a table with a column ``text``, every cell as the text it is in a CSV file.

    Raises:
        InputError: missing, empty, binary, or no table.
        SchemaError: no column ``text``, or two columns of one name.
        UsageError: no post of the service.
    """
    parts = [_as_texts(part, path) for part in read_parts(path, "text", skipped)]
    table = pd.concat(parts, ignore_index=True).fillna("")
    return table if service is None else _of_service(table, service, path)


def _as_texts(part: pd.DataFrame, path: str) -> pd.DataFrame:
    if not part.columns.is_unique:
        twice = part.columns[part.columns.duplicated()][0]
        raise SchemaError(f"{path}: two columns are named {twice!r}; rename one")
    return pd.DataFrame({_cell(name): _column(column) for name, column in part.items()})


def _column(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = iso(column)
    return column.astype("object").map(_cell).astype("str")


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # half of a surrogate pair is no text
    if isinstance(value, bool):
        return str(value).lower()
    if pd.api.types.is_list_like(value):
        plain = value if isinstance(value, dict) else list(value)  # type: ignore[call-overload]
        return json.dumps(plain, ensure_ascii=False, default=str)
    return "" if pd.isna(value) else str(value)  # type: ignore[call-overload]


def _of_service(table: pd.DataFrame, service: str, path: str) -> pd.DataFrame:
    require_columns(table, ["service"], path)
    chosen = table[table["service"].str.casefold() == service.casefold()]
    if chosen.empty:
        has = ", ".join(table["service"].value_counts().index[:12])
        raise UsageError(f"{path}: no post of the service {service!r}; it has posts of: {has}")
    return chosen.reset_index(drop=True)


def unasked(posts: Iterable[Cells], done: Iterable[Cells]) -> Iterator[Cells]:
    """Posts with a text, one of each text and of each id, without those that are done."""
    seen = set[tuple[str, ...]]().union(*map(_identities, done))
    for cells in posts:
        identities = _identities(cells)
        if cells["text"].strip() and seen.isdisjoint(identities):
            yield cells
        seen |= identities


def _identities(cells: Cells) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = {(same_text(cells["text"]),)}
    if cells.get("post_id"):
        found.add((cells.get("source", ""), cells["post_id"]))
    return found


def same_text(text: str) -> str:
    """Text by which posts are the same: blanks and line breaks do not count."""
    return " ".join(text.split())
