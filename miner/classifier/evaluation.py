"""How good labels are: the figures of ``miner evaluate``, with bootstrap intervals."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from miner.errors import InputError
from miner.post import LABELS

#: Resamples behind each interval, and the size from which a slice is shown.
RESAMPLES: Final = 1_000
MIN_SLICE: Final = 20
_SLICES: Final = ("lang", "dataset", "service", "stratum", "family")

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def evaluate(
    table: pd.DataFrame,
    true_label: str = "true_label",
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Figures of a labelled table that also has the true labels.

    Args:
        table: ``label, p_complaint, symptom`` as :func:`miner.label` gives them, the
            true labels in ``true_label`` and, optionally, ``true_symptom``.
        true_label: name of the column of true labels.
        seed: of the bootstrap.
        resamples: of the bootstrap; 0 leaves the intervals out.

    Returns:
        ``n``; ``figures`` (precision, recall, f1 and average_precision of complaints,
        recall of each other label, macro_f1, ece, symptom_accuracy), ``intervals``
        (95 %, percentile bootstrap over posts), ``confusion`` (true label → label →
        number), ``slices`` (column → value → n, complaints and figures),
        ``reliability`` (see :func:`reliability`) and ``errors`` (the surest mistakes). A
        figure that is undefined is None, never 0.

    Raises:
        InputError: a true label that does not exist.
    """
    true = table[true_label].astype("str").to_numpy(dtype=object)
    unknown = sorted(set(true) - set(LABELS))
    if unknown:
        raise InputError(
            f"{unknown[0]!r} in column {true_label!r} is no label; use one of {', '.join(LABELS)}"
        )
    label = table["label"].astype("str").to_numpy(dtype=object)
    p = table["p_complaint"].to_numpy(dtype=float)
    symptom_ok = _symptom_ok(table)
    figures = _figures(true, label, p, symptom_ok)
    generator = np.random.default_rng(seed)
    samples = (
        [
            _figures(true[rows], label[rows], p[rows], symptom_ok[rows])
            for rows in generator.integers(0, len(true), size=(resamples, len(true)))
        ]
        if len(true)
        else []
    )
    return {
        "n": len(true),
        "figures": figures,
        "intervals": {name: _interval([sample[name] for sample in samples]) for name in figures},
        "confusion": {
            name: {other: int(np.sum((true == name) & (label == other))) for other in LABELS}
            for name in LABELS
        },
        "slices": _slices(table, true, label, p, symptom_ok),
        "reliability": reliability(true == "complaint", p),
        "errors": _worst(table, true, label, p),
    }


def _symptom_ok(table: pd.DataFrame) -> Floats:
    """1 where the symptom is right, 0 where wrong, NaN where there is no true one."""
    if "true_symptom" not in table.columns:
        return np.full(len(table), np.nan)
    true = table["true_symptom"].fillna("").to_numpy(dtype=object)
    own = table["symptom_if_complaint" if "symptom_if_complaint" in table else "symptom"]
    right: Floats = (own.fillna("").to_numpy(dtype=object) == true).astype(float)
    right[true == ""] = np.nan
    return right


def _figures(
    true: NDArray[np.object_], label: NDArray[np.object_], p: Floats, symptom_ok: Floats
) -> dict[str, float | None]:
    is_true, is_label = true == "complaint", label == "complaint"
    hit = np.sum(is_true & is_label)
    figures: dict[str, float | None] = {
        "precision": _ratio(hit, np.sum(is_label)),
        "recall": _ratio(hit, np.sum(is_true)),
        "f1": _ratio(2 * hit, np.sum(is_label) + np.sum(is_true)),
        "average_precision": average_precision(is_true, p),
    }
    f1s = []
    for name in LABELS:
        own, said = true == name, label == name
        both = np.sum(own & said)
        if name != "complaint":
            figures[f"{name}_recall"] = _ratio(both, np.sum(own))
        if own.any():
            f1s.append(2 * both / (np.sum(own) + np.sum(said)))
    figures["macro_f1"] = float(np.mean(f1s)) if f1s else None
    figures["ece"] = calibration_error(is_true, p)
    figures["symptom_accuracy"] = (
        None if np.isnan(symptom_ok).all() else float(np.nanmean(symptom_ok))
    )
    return figures


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def average_precision(is_true: Bools, p: Floats) -> float | None:
    """Area under the precision–recall steps, ties taken together; None without a truth."""
    if not is_true.any():
        return None
    order = np.argsort(-p, kind="stable")
    last = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)
    hits = np.cumsum(is_true[order])[last]
    precision = hits / (last + 1)
    gained = np.diff(np.concatenate([[0], hits]))
    return float(np.sum(precision * gained) / is_true.sum())


def calibration_error(is_true: Bools, p: Floats) -> float | None:
    """Expected calibration error: mean gap between probability and share, by tenths."""
    if not len(p):
        return None
    rows = reliability(is_true, p)
    return float(sum(row["n"] * abs(row["share"] - row["mean_p"]) for row in rows) / len(p))


def reliability(is_true: Bools, p: Floats, bins: int = 10) -> list[dict[str, float]]:
    """What a reliability diagram shows: the share of complaints among posts alike in ``p``.

    Returns:
        One row for each filled tenth of the probabilities: ``n``, ``mean_p``, ``share`` and its
        95 % interval ``low, high`` (Wilson, JASA 1927).
    """
    place = np.minimum((p * bins).astype(int), bins - 1)
    rows = []
    for number in range(bins):
        inside = place == number
        n = int(inside.sum())
        if n:
            share = float(is_true[inside].mean())
            low, high = _wilson(share, n)
            mean_p = float(p[inside].mean())
            rows.append({"n": n, "mean_p": mean_p, "share": share, "low": low, "high": high})
    return rows


def _wilson(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return float(max(middle - half, 0)), float(min(middle + half, 1))


def _interval(values: list[float | None]) -> list[float] | None:
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values) / 2:
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return [float(low), float(high)]


def _slices(
    table: pd.DataFrame,
    true: NDArray[np.object_],
    label: NDArray[np.object_],
    p: Floats,
    symptom_ok: Floats,
) -> dict[str, dict[str, dict[str, Any]]]:
    def make(rows: Bools) -> dict[str, Any]:
        return {
            "n": int(rows.sum()),
            "complaints": int((true[rows] == "complaint").sum()),
            **_figures(true[rows], label[rows], p[rows], symptom_ok[rows]),
        }

    slices: dict[str, dict[str, dict[str, Any]]] = {}
    for column in _SLICES:
        if column not in table.columns:
            continue
        values = table[column].fillna("").astype("str")
        large = values.value_counts()
        names = [str(name) for name, n in large.items() if n >= MIN_SLICE]
        slices[column] = {name: make((values == name).to_numpy()) for name in names if name}
    return slices


def _worst(
    table: pd.DataFrame, true: NDArray[np.object_], label: NDArray[np.object_], p: Floats
) -> list[dict[str, Any]]:
    """The mistakes about complaints that the model was surest of."""
    wrong = np.flatnonzero((true == "complaint") != (label == "complaint"))
    surest = wrong[np.argsort(-np.abs(p[wrong] - 0.5), kind="stable")][:20]
    return [
        {
            "true": str(true[row]),
            "label": str(label[row]),
            "p_complaint": round(float(p[row]), 4),
            "text": str(table["text"].iloc[row]),
        }
        for row in surest
    ]
