"""How well a model does on what it has not seen: grouped cross-validation.

``python -m miner.classifier.validation`` leaves whole kinds of services out (three fits);
with ``--languages`` whole languages as well (five more).

Random folds flatter: posts of one author about one service stand on both sides. Whole
groups (services, kinds of post, languages, a writer's pass) are left out instead.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import GroupKFold

from miner.classifier.corpus import read_corpus
from miner.classifier.evaluation import evaluate
from miner.classifier.files import shipped
from miner.classifier.label import label
from miner.classifier.model import OutageClassifier
from miner.lexicon import load_lexicon


def out_of_fold(
    table: pd.DataFrame,
    groups: Sequence[str] | pd.Series,
    model: OutageClassifier | None = None,
    *,
    folds: int = 5,
    extra: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The table as a model labels it that was trained without the row's group.

    Args:
        table: corpus table.
        groups: group of each row; a group is never split over folds.
        model: unfitted model to clone; the default one if None.
        folds: number of folds.
        extra: rows that are trained on in every fold.

    Returns:
        The table with ``true_label, true_symptom, label, p_complaint, symptom`` and
        ``symptom_if_complaint``, ready for :func:`miner.classifier.evaluation.evaluate`.
    """
    model = OutageClassifier() if model is None else model
    texts = table["text"].to_numpy(dtype=object)
    labels = np.empty(len(table), dtype=object)
    symptoms = np.empty(len(table), dtype=object)
    p = np.zeros(len(table))
    names = np.asarray(groups, dtype=object)
    n_folds = min(folds, len(set(names)))
    for seen, unseen in GroupKFold(n_folds).split(texts, groups=names):
        training = table.iloc[seen] if extra is None else pd.concat([table.iloc[seen], extra])
        fitted = clone(model).fit(
            training["text"].tolist(), training["label"].tolist(), training["symptom"].tolist()
        )
        some = texts[unseen].tolist()
        proba = fitted.predict_proba(some)
        labels[unseen] = fitted.decide(proba)
        p[unseen] = proba[:, list(fitted.classes_).index("complaint")]
        symptoms[unseen] = fitted.predict_symptom(some)
    result = table.rename(columns={"label": "true_label", "symptom": "true_symptom"})
    is_complaint: NDArray[np.bool_] = labels == "complaint"
    return result.assign(
        label=labels,
        p_complaint=p,
        symptom=np.where(is_complaint, symptoms, ""),
        symptom_if_complaint=symptoms,
    )


def figures_by(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Figures of each value of a column of an out-of-fold table, one row a value."""
    rows = []
    for name, part in table.groupby(column, sort=True):
        figures = evaluate(part, resamples=0)["figures"]
        n_complaints = int((part["true_label"] == "complaint").sum())
        rows.append({column: name, "posts": len(part), "complaints": n_complaints, **figures})
    return pd.DataFrame(rows)


def before_and_after(
    own: pd.DataFrame, corpus: pd.DataFrame | None
) -> tuple[list[str], list[list[object]]]:
    """Columns and rows that compare the shipped model with one trained on ``own`` too.

    "After" is cross-validated: each post is labelled by a model that has not seen its
    service, or, where few services are named, its text.
    """
    # Posts without a service are groups of their own, by text: copies stay together.
    groups = own["service"].where(own["service"] != "", own["text"])
    if groups.nunique() < 3:
        groups = own["text"]
    renamed = own.rename(columns={"label": "true_label", "symptom": "true_symptom"})
    before = evaluate(label(renamed, shipped()), resamples=200)
    after = evaluate(out_of_fold(own, groups, folds=3, extra=corpus), resamples=200)
    names = ("precision", "recall", "f1", "average_precision", "macro_f1", "ece")
    rows = [[name, *_with_interval(before, name), *_with_interval(after, name)] for name in names]
    return ["figure", "before", "95 %", "after", "95 % "], rows


def _with_interval(result: dict[str, Any], name: str) -> list[object]:
    interval = result["intervals"][name]
    return [result["figures"][name], f"{interval[0]:.2f}-{interval[1]:.2f}" if interval else ""]


def main() -> None:
    """Print how the model does on kinds of services and languages it has not seen."""
    table = read_corpus()
    kinds = {name: service.kind for name, service in load_lexicon().services.items()}
    table["kind"] = table["service"].map(kinds).fillna("any")
    # Posts about no listed service are spread over the folds by writer.
    groups = table["kind"].where(table["kind"] != "any", table["author_pass"])
    result = out_of_fold(table, groups, folds=3)
    sys.stdout.write(
        "Kinds of services the model has not seen (whole kinds left out, 3 folds):\n"
        + _shown(figures_by(result, "kind"))
    )
    sys.stdout.write("The same, by language:\n" + _shown(figures_by(result, "lang")))
    for threshold in np.arange(0.1, 0.95, 0.05):
        figures = evaluate(_decided(result, threshold), resamples=0)["figures"]
        names = ("precision", "recall", "f1")
        shown = ", ".join(f"{name} {figures[name]:.3f}" for name in names)
        sys.stdout.write(f"threshold {threshold:.2f}: {shown}\n")
    if "--languages" in sys.argv:
        unseen = out_of_fold(table, table["lang"], folds=5)
        sys.stdout.write(
            "Languages the model has not seen (whole languages left out, 5 folds):\n"
            + _shown(figures_by(unseen, "lang"))
        )


def _decided(result: pd.DataFrame, threshold: float) -> pd.DataFrame:
    is_complaint = result["p_complaint"] >= threshold
    return result.assign(label=np.where(is_complaint, "complaint", "other"))


def _shown(table: pd.DataFrame) -> str:
    columns = ["posts", "complaints", "precision", "recall", "f1", "average_precision", "ece"]
    return table[[table.columns[0], *columns]].round(3).to_string(index=False) + "\n\n"


if __name__ == "__main__":
    main()
