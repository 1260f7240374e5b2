"""The corpus the shipped model is trained on, and tables like it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Final

import pandas as pd

from miner.errors import InputError, SchemaError
from miner.post import LABELS, SYMPTOMS

#: Columns of a corpus; a user's own labels need only ``text`` and ``label``.
COLUMNS: Final = (
    "id",
    "text",
    "label",
    "symptom",
    "lang",
    "service",
    "family",
    "author_pass",
)


def corpus_folder() -> Path:
    """Folder of the shipped corpus: in the package, or in the clone of an editable install.

    Raises:
        InputError: neither is there.
    """
    packaged = Path(str(resources.files("miner"))) / "corpus"
    cloned = Path(str(resources.files("miner"))).parent / "data" / "corpus"
    for folder in (packaged, cloned):
        if folder.is_dir():
            return folder
    raise InputError(f"the shipped corpus is not at {packaged}; install miner again")


def read_corpus(folder: str | Path | None = None) -> pd.DataFrame:
    """Corpus table (:data:`COLUMNS`, all texts), of the shipped corpus by default.

    Raises:
        InputError: the folder holds no corpus.
    """
    folder = corpus_folder() if folder is None else Path(folder)
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise InputError(f"{folder}: no corpus here; expected files such as en.csv")
    parts = [pd.read_csv(file, dtype="str", keep_default_na=False) for file in files]
    return pd.concat(parts, ignore_index=True)


def own_labels(table: pd.DataFrame, path: str) -> pd.DataFrame:
    """A user's labels in the shape of the corpus; rows without a label are left out.

    Raises:
        SchemaError: no column ``text`` or ``label``.
        InputError: a label or symptom that does not exist.
    """
    for name in ("text", "label"):
        if name not in table.columns:
            raise SchemaError(f"{path}: no column {name!r}; it has: {', '.join(table.columns)}")
    shaped = pd.DataFrame({name: _column(table, name) for name in COLUMNS})
    shaped = shaped[shaped["label"] != ""].reset_index(drop=True)
    shaped.loc[shaped["label"] != "complaint", "symptom"] = ""
    for name, known in (("label", LABELS), ("symptom", ("", *SYMPTOMS))):
        wrong = ~shaped[name].isin(known)
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise InputError(
                f"{path}: row {row + 2}: {shaped[name].iloc[row]!r} is no {name}; "
                f"use one of {', '.join(filter(None, known))}"
            )
    return shaped


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table.columns:
        return pd.Series([""] * len(table), dtype="str", index=table.index)
    return table[name].fillna("").astype("str")


def fingerprint(table: pd.DataFrame) -> str:
    """SHA-256 of the texts, labels and symptoms of a corpus."""
    digest = hashlib.sha256()
    columns: Sequence[pd.Series] = [table["text"], table["label"], table["symptom"]]
    for row in zip(*columns, strict=True):
        digest.update("\x1f".join(row).encode("utf-8", "surrogatepass") + b"\x1e")
    return digest.hexdigest()
