"""Quality floors: figures that may only go up, pinned beside fingerprints of their data.

``python -m miner.classifier.floors`` measures and compares with ``data/floors.json``;
``--update`` raises floors that were passed; a lower floor takes ``--allow-lower`` too,
and changed data a new pin. The habit is trafilatura's (its ``eval_gate``).

Two measurements: a model trained without a fifth of the services and two families, on
what it has not seen; and the shipped model on real labelled posts, where those are
beside the clone (they are not part of it).
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Final

import pandas as pd

from miner.classifier.corpus import corpus_folder, fingerprint, read_corpus
from miner.classifier.evaluation import evaluate
from miner.classifier.files import shipped
from miner.classifier.label import label
from miner.classifier.linear import LinearModel

#: A figure may lie this much below its floor: the last digits depend on the processor.
TOLERANCE: Final = 0.002
#: Figures with a floor, and whether more is better.
FIGURES: Final = {
    "f1": True,
    "average_precision": True,
    "macro_f1": True,
    "symptom_accuracy": True,
    "ece": False,
}
#: Families left out of training whole, beside a fifth of the services.
FAMILIES: Final = ("joke", "past")

Measured = dict[str, Any]


def data_folder() -> Path:
    """The folder ``data`` of the clone."""
    return corpus_folder().parents[0]


def is_held_out(table: pd.DataFrame) -> pd.Series:
    """Whether each row belongs to the held-out part: its service by hash, or its family."""
    unlucky = {
        name
        for name in table["service"].unique()
        if name != "any" and hashlib.sha256(name.encode()).digest()[0] % 5 == 0
    }
    return table["service"].isin(unlucky) | table["family"].isin(FAMILIES)


def measure_corpus() -> Measured:
    """Figures on the held-out part of the corpus, of a model that has not seen it."""
    from miner.classifier.model import OutageClassifier  # training needs scikit-learn

    table = read_corpus()
    held = is_held_out(table)
    seen = table[~held]
    model = OutageClassifier().fit(
        seen["text"].tolist(), seen["label"].tolist(), seen["symptom"].tolist()
    )
    return {"sha256": fingerprint(table), **_figures(table[held], model.fitted)}


def measure_real(path: Path) -> Measured:
    """Figures of the shipped model on a table of real labelled posts."""
    table = pd.read_csv(path, dtype="str", keep_default_na=False)
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), **_figures(table, shipped())}


def _figures(table: pd.DataFrame, model: LinearModel) -> dict[str, Any]:
    renamed = table.rename(columns={"label": "true_label", "symptom": "true_symptom"})
    labelled = label(renamed, model)
    labelled["symptom_if_complaint"] = model.predict_symptom(labelled["text"].tolist())
    figures = evaluate(labelled, resamples=0)["figures"]
    return {"posts": len(table), "figures": {name: round(figures[name], 4) for name in FIGURES}}


def faults(measured: Measured, floor: Measured) -> list[str]:
    """What is wrong: changed data, or figures below their floor; empty when all is well."""
    if measured["sha256"] != floor["sha256"]:
        return ["the data have changed; measure again and pin with --update"]
    return [
        f"{name} is {value}, the floor is {floor['figures'][name]}"
        for name, value in measured["figures"].items()
        if _is_worse(name, value, floor["figures"][name])
    ]


def _is_worse(name: str, value: float, floor: float) -> bool:
    gap = floor - value if FIGURES[name] else value - floor
    return gap > TOLERANCE


def raised(measured: Measured, floor: Measured | None, *, allow_lower: bool) -> Measured:
    """The new floor: the better of both figures, or the measured ones for new data."""
    if floor is None or allow_lower or floor["sha256"] != measured["sha256"]:
        return measured
    figures = {
        name: max(value, floor["figures"][name])
        if FIGURES[name]
        else min(value, floor["figures"][name])
        for name, value in measured["figures"].items()
    }
    return {**measured, "figures": figures}


def main(arguments: list[str]) -> int:
    """Measure, compare, and with ``--update`` pin; returns the exit code."""
    path = data_folder() / "floors.json"
    floors: dict[str, Measured] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    measured = {"corpus": measure_corpus()}
    real = data_folder().parents[1] / "shared" / "eval" / "posts_dev.csv"
    if real.exists():
        measured["real posts"] = measure_real(real)
    code = 0
    for name, own in measured.items():
        sys.stdout.write(f"{name}: {own['posts']:,} posts, {own['figures']}\n")
        for fault in faults(own, floors[name]) if name in floors else ["no floor is pinned"]:
            sys.stdout.write(f"  {fault}\n")
            code = 1
        if "--update" in arguments:
            allow = "--allow-lower" in arguments
            floors[name] = raised(own, floors.get(name), allow_lower=allow)
    if "--update" in arguments:
        path.write_text(json.dumps(floors, indent=1, sort_keys=True) + "\n", "utf-8")
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
