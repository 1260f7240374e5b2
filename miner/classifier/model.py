"""The classifier as a scikit-learn estimator over texts.

What it learns is a :class:`~miner.classifier.linear.LinearModel`: tables of weights for
hashed features, so that a model file is arrays and a card, with nothing to execute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from miner.classifier.features import Layout, featurize
from miner.classifier.linear import Floats, LinearModel, as_texts
from miner.classifier.masking import maskable
from miner.classifier.training import fit_linear, rarity
from miner.lexicon import load_lexicon
from miner.post import LABELS, SYMPTOMS


class OutageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # untyped base
    """Labels and symptoms of texts.

    Args:
        bits: features are hashed into ``2**bits`` places.
        C: inverse strength of regularisation of the label model.
        symptom_C: the same for the symptom model.
        rarity_power: exponent of the inverse document frequency.
        mask_names: whether names of services are masked.
        threshold: a post is a complaint from this probability on; None takes the
            likeliest of the four labels.
    """

    def __init__(
        self,
        *,
        bits: int = 18,
        C: float = 4.0,  # noqa: N803 # scikit-learn's name
        symptom_C: float = 4.0,  # noqa: N803
        rarity_power: float = 1.5,
        mask_names: bool = True,
        threshold: float | None = None,
    ) -> None:
        self.bits = bits
        self.C = C
        self.symptom_C = symptom_C
        self.rarity_power = rarity_power
        self.mask_names = mask_names
        self.threshold = threshold

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
        texts, labels = as_texts(X), np.asarray(y, dtype=object)
        layout = Layout(names=_names() if self.mask_names else (), bits=self.bits)
        self.classes_ = np.array([label for label in LABELS if label in set(labels)], dtype=object)
        features = featurize(texts, layout)
        # As precise as the model file keeps it, so that a saved model is the same model.
        idf = rarity(features, self.bits, self.rarity_power)
        coef, intercept = fit_linear(
            features, idf, labels, self.classes_, strength=self.C, sample_weight=sample_weight
        )
        named = np.asarray(["" if symptoms is None else s for s in symptoms or texts], dtype=object)
        rows = np.flatnonzero((labels == "complaint") & (named != ""))
        found = set(named[rows])
        self.symptoms_ = np.array([s for s in SYMPTOMS if s in found] or ["down"], dtype=object)
        symptom_coef, symptom_intercept = fit_linear(
            featurize([texts[row] for row in rows], layout),
            idf,
            named[rows],
            self.symptoms_,
            strength=self.symptom_C,
        )
        self.linear_ = LinearModel(
            layout=layout,
            idf=idf,
            coef=coef,
            intercept=intercept,
            classes_=self.classes_,
            symptom_coef=symptom_coef,
            symptom_intercept=symptom_intercept,
            symptoms_=self.symptoms_,
        )
        return self

    @property
    def fitted(self) -> LinearModel:
        """What was learnt, with the threshold as it is set now."""
        check_is_fitted(self, "linear_")
        return replace(self.linear_, threshold=self.threshold)

    def predict_proba(self, X: Sequence[str]) -> Floats:  # noqa: N803
        """Probability of each label, shape (n, len(classes_)), in the order of ``classes_``."""
        return self.fitted.predict_proba(X)

    def predict(self, X: Sequence[str]) -> NDArray[np.object_]:  # noqa: N803
        """Label of each text."""
        return self.fitted.predict(X)

    def decide(self, proba: Floats, threshold: float | None = None) -> NDArray[np.object_]:
        """Labels of probabilities, a complaint from ``threshold`` (default: own) on."""
        return self.fitted.decide(proba, threshold)

    def predict_symptom(self, X: Sequence[str]) -> NDArray[np.object_]:  # noqa: N803
        """Likeliest symptom of each text, as if it were a complaint."""
        return self.fitted.predict_symptom(X)


def _names() -> tuple[str, ...]:
    services = load_lexicon().services.values()
    return maskable([n for s in services for n in (*s.aliases, *s.misspellings, *s.hashtags)])
