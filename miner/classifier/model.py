"""The classifier: hashed n-grams, one linear model for labels and one for symptoms.

It is a scikit-learn estimator over texts. What is learnt is a table of weights for
hashed features, so that a model file is arrays and a card, with nothing to execute.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from miner.classifier.features import Features, Layout, featurize
from miner.classifier.training import fit_linear, rarity
from miner.post import LABELS, SYMPTOMS

Floats = NDArray[np.float64]

#: Posts scored at once: large enough for numpy, small enough for the processor's cache.
BATCH: Final = 2_000


class OutageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # untyped base
    """Labels and symptoms of texts.

    Args:
        bits: features are hashed into ``2**bits`` places.
        C: inverse strength of regularisation of the label model.
        symptom_C: the same for the symptom model.
        threshold: a post is a complaint from this probability on; None takes the
            likeliest of the four labels.
        random_state: seed of the solver.
    """

    def __init__(
        self,
        *,
        bits: int = 18,
        C: float = 4.0,  # noqa: N803 # scikit-learn's name
        symptom_C: float = 3.0,  # noqa: N803
        threshold: float | None = None,
        random_state: int = 0,
    ) -> None:
        self.bits = bits
        self.C = C
        self.symptom_C = symptom_C
        self.threshold = threshold
        self.random_state = random_state

    def fit(
        self,
        X: Sequence[str],  # noqa: N803 # scikit-learn's name
        y: Sequence[str],
        symptoms: Sequence[str] | None = None,
        sample_weight: Floats | None = None,
    ) -> OutageClassifier:
        """Learn from texts, their labels, and the symptoms of the complaints among them.

        Args:
            X: texts.
            y: labels, each one of :data:`miner.post.LABELS`.
            symptoms: one a text, "" for texts that are no complaint; without it the
                symptom of every complaint is "down".
            sample_weight: one a text.
        """
        texts, labels = _texts(X), np.asarray(y, dtype=object)
        self.classes_ = np.array([label for label in LABELS if label in set(labels)], dtype=object)
        features = featurize(texts, self.layout)
        # As precise as the model file keeps it, so that a saved model is the same model.
        self.idf_ = rarity(features, self.bits).astype(np.float16).astype(np.float32)
        self.coef_, self.intercept_ = fit_linear(
            features,
            self.idf_,
            labels,
            self.classes_,
            strength=self.C,
            sample_weight=sample_weight,
        )
        named = np.asarray(["" if symptoms is None else s for s in symptoms or texts], dtype=object)
        rows = np.flatnonzero((labels == "complaint") & (named != ""))
        found = set(named[rows])
        self.symptoms_ = np.array([s for s in SYMPTOMS if s in found] or ["down"], dtype=object)
        self.symptom_coef_, self.symptom_intercept_ = fit_linear(
            featurize([texts[row] for row in rows], self.layout),
            self.idf_,
            named[rows],
            self.symptoms_,
            strength=self.symptom_C,
        )
        return self

    @property
    def layout(self) -> Layout:
        """What is hashed, and into how many places."""
        return Layout(bits=self.bits)

    def predict_proba(self, X: Sequence[str]) -> Floats:  # noqa: N803
        """Probability of each label, shape (n, len(classes_)), in the order of ``classes_``."""
        check_is_fitted(self, "coef_")
        return self._scores(X, self.coef_, self.intercept_)

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
        check_is_fitted(self, "coef_")
        proba = self._scores(X, self.symptom_coef_, self.symptom_intercept_)
        symptoms: NDArray[np.object_] = self.symptoms_[proba.argmax(axis=1)]
        return symptoms

    def _scores(self, X: Sequence[str], coef: NDArray[Any], intercept: Floats) -> Floats:  # noqa: N803
        texts = _texts(X)
        parts = [
            _softmax(self._linear(texts[at : at + BATCH], coef) + intercept)
            for at in range(0, len(texts), BATCH)
        ]
        return np.concatenate([np.zeros((0, coef.shape[1])), *parts])

    def _linear(self, texts: Sequence[str], coef: NDArray[Any]) -> Floats:
        features = featurize(texts, self.layout)
        # The squared rarity rides along as a last column: its sum is the length of a row.
        table = np.concatenate([coef, self.idf_[:, None] ** 2], axis=1, dtype=np.float32)
        total = sums(features, table)
        return total[:, :-1] / np.sqrt(np.maximum(total[:, -1:], 1e-9))


def sums(features: Features, table: NDArray[np.float32]) -> Floats:
    """Sum of the rows of ``table`` over the features of each post."""
    total = np.zeros((features.n_posts, table.shape[1]), dtype=np.float64)
    for index, start in zip(features.index, features.start, strict=True):
        filled = np.flatnonzero(np.diff(start))
        if len(filled):
            total[filled] += np.add.reduceat(table[index], start[filled], axis=0)
    return total


def _softmax(scores: Floats) -> Floats:
    exp = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: Floats = exp / exp.sum(axis=1, keepdims=True)
    return result


def _texts(X: Any) -> list[str]:  # noqa: N803
    if isinstance(X, str):
        raise TypeError("expected a sequence of texts, not one text; use [text]")
    return [text if isinstance(text, str) else "" for text in X]
