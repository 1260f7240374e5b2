"""The fitted classifier: tables of weights, and nothing that training needs.

Loading and labelling use this module alone; scikit-learn, which takes half a second to
import, is for training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from miner.classifier.features import Features, Layout, featurize

Floats = NDArray[np.float64]
Weights = NDArray[np.float16] | NDArray[np.float32]

#: Posts scored at once: large enough for numpy, small enough for the processor's cache.
BATCH: Final = 1_500


class Classifier(Protocol):
    """What :func:`miner.label` asks of a model; ``OutageClassifier`` is one too."""

    @property
    def classes_(self) -> NDArray[np.object_]:
        """Labels, in the order of the columns of ``predict_proba``."""

    def predict_proba(self, X: Sequence[str]) -> Floats:  # noqa: N803 # scikit-learn's name
        """Probability of each label, shape (n, len(classes_))."""

    def decide(self, proba: Floats, threshold: float | None = None) -> NDArray[np.object_]:
        """Labels of probabilities."""

    def predict_symptom(self, X: Sequence[str]) -> NDArray[np.object_]:  # noqa: N803
        """Likeliest symptom of each text, as if it were a complaint."""


@dataclass(frozen=True)
class LinearModel:
    """Softmax regressions over hashed, rarity-weighted features.

    Attributes:
        layout: what is hashed.
        idf: rarity of each place, shape (2**bits,).
        coef: weights times rarity, shape (2**bits, number of labels).
        intercept: one a label.
        classes_: labels, in the order of the columns.
        symptom_coef: the same for symptoms of complaints.
        symptom_intercept: one a symptom.
        symptoms_: symptoms, in the order of the columns.
        threshold: a post is a complaint from this probability on; None takes the
            likeliest label.
    """

    layout: Layout
    idf: NDArray[np.float32]
    coef: Weights
    intercept: Floats
    classes_: NDArray[np.object_]
    symptom_coef: Weights
    symptom_intercept: Floats
    symptoms_: NDArray[np.object_]
    threshold: float | None = None

    def predict_proba(self, X: Sequence[str]) -> Floats:  # noqa: N803
        """Probability of each label, shape (n, len(classes_)), in the order of ``classes_``."""
        return self._scores(X, self._table, self.intercept)

    def predict(self, X: Sequence[str]) -> NDArray[np.object_]:  # noqa: N803
        """Label of each text."""
        return self.decide(self.predict_proba(X))

    def decide(self, proba: Floats, threshold: float | None = None) -> NDArray[np.object_]:
        """Labels of probabilities, a complaint from ``threshold`` (default: own) on."""
        threshold = self.threshold if threshold is None else threshold
        labels: NDArray[np.object_] = self.classes_[proba.argmax(axis=1)]
        if threshold is None or "complaint" not in self.classes_ or len(self.classes_) == 1:
            return labels
        column = list(self.classes_).index("complaint")
        rest = proba.copy()
        rest[:, column] = -1
        others = self.classes_[rest.argmax(axis=1)]
        return np.where(proba[:, column] >= threshold, "complaint", others)

    def predict_symptom(self, X: Sequence[str]) -> NDArray[np.object_]:  # noqa: N803
        """Likeliest symptom of each text, as if it were a complaint."""
        proba = self._scores(X, self._symptom_table, self.symptom_intercept)
        symptoms: NDArray[np.object_] = self.symptoms_[proba.argmax(axis=1)]
        return symptoms

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        return _with_length(self.coef, self.idf)

    @cached_property
    def _symptom_table(self) -> NDArray[np.float32]:
        return _with_length(self.symptom_coef, self.idf)

    def _scores(self, X: Any, table: NDArray[np.float32], intercept: Floats) -> Floats:  # noqa: N803
        texts = as_texts(X)
        parts = []
        for at in range(0, len(texts), BATCH):
            total = _sums(featurize(texts[at : at + BATCH], self.layout), table)
            n = len(intercept)
            score = total[:, :n] / np.sqrt(np.maximum(total[:, n : n + 1], 1e-9)) + intercept
            exp = np.exp(score - score.max(axis=1, keepdims=True))
            parts.append(exp / exp.sum(axis=1, keepdims=True))
        return np.concatenate([np.zeros((0, len(intercept))), *parts])


def _with_length(coef: Weights, idf: NDArray[np.float32]) -> NDArray[np.float32]:
    """The weights, then the squared rarity, whose sum is a row's length, then zeros.

    Rows of a multiple of 32 bytes are gathered several times faster than others.
    """
    n = coef.shape[1]
    table = np.zeros((len(idf), -(-(n + 1) // 8) * 8), dtype=np.float32)
    table[:, :n] = coef
    table[:, n] = idf**2
    return table


def _sums(features: Features, table: NDArray[np.float32]) -> Floats:
    """Sum of the rows of ``table`` over the features of each post."""
    total = np.zeros((features.n_posts, table.shape[1]), dtype=np.float64)
    for index, start in zip(features.index, features.start, strict=True):
        filled = np.flatnonzero(np.diff(start))
        if len(filled):
            # Every index is a place of the table; "clip" spares numpy the check.
            rows = np.take(table, index, axis=0, mode="clip")
            total[filled] += np.add.reduceat(rows, start[filled], axis=0)
    return total


def as_texts(X: Any) -> list[str]:  # noqa: N803
    """Texts of a sequence; what is missing is an empty text."""
    if isinstance(X, str):
        raise TypeError("expected a sequence of texts, not one text; use [text]")
    return [text if isinstance(text, str) else "" for text in X]
