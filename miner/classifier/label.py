"""Labelling a table of posts."""

from __future__ import annotations

from typing import Final

import pandas as pd

from miner.classifier.files import shipped
from miner.classifier.linear import Classifier
from miner.errors import UsageError
from miner.post import require_columns

#: Probability of a complaint from which a post counts as one, by purpose. Chosen on posts
#: of the corpus about kinds of services the model had not seen (`python -m
#: miner.classifier.validation`): best F1; precision 0.92; recall 0.93.
PURPOSES: Final[dict[str, float]] = {"balanced": 0.4, "precise": 0.65, "sensitive": 0.25}


def label(
    candidates: pd.DataFrame,
    model: Classifier | None = None,
    *,
    purpose: str = "balanced",
) -> pd.DataFrame:
    """Labelled table: the candidates with ``label, p_complaint, symptom``.

    Args:
        candidates: any table with a column ``text``; each row is labelled as it stands.
        model: the shipped one by default.
        purpose: "balanced", "precise" (few false complaints) or "sensitive" (few missed).

    Raises:
        SchemaError: no column ``text``.
        UsageError: a purpose that does not exist.
    """
    require_columns(candidates, ["text"], "the table")
    if purpose not in PURPOSES:
        raise UsageError(f"unknown purpose {purpose!r}; use one of {', '.join(PURPOSES)}")
    model = shipped() if model is None else model
    texts = [text if isinstance(text, str) else "" for text in candidates["text"].array]
    proba = model.predict_proba(texts)
    labels = pd.Series(model.decide(proba, PURPOSES[purpose]), dtype="str")
    complaints = (labels == "complaint").to_numpy().nonzero()[0]
    symptoms = pd.Series([None] * len(texts), dtype="object")
    if len(complaints):
        symptoms.iloc[complaints] = model.predict_symptom([texts[row] for row in complaints])
    table = candidates.reset_index(drop=True)
    table["label"] = labels
    names = list(model.classes_)
    table["p_complaint"] = proba[:, names.index("complaint")] if "complaint" in names else 0.0
    table["symptom"] = symptoms.astype("str")
    return table
