"""The classifier as a scikit-learn estimator over texts.

What it learns is a :class:`~miner.classifier.linear.LinearModel`: tables of weights for
hashed features, so that a model file is arrays and a card, with nothing to execute.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from miner.classifier.features import Layout, featurize
from miner.classifier.linear import Floats, LinearModel, as_texts
from miner.classifier.masking import maskable
from miner.classifier.training import fit_linear, rarity, thin
from miner.lexicon import load_lexicon
from miner.post import LABELS, SYMPTOMS


class OutageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # untyped base
    """Labels and symptoms of texts.

    Args:
        bits: features are hashed into ``2**bits`` places.
        words: lengths of the n-grams of words.
        skip: whether pairs around one word left out are features.
        chars: lengths of the n-grams of characters.
        C: inverse strength of regularisation of the label model.
        symptom_C: the same for the symptom model.
        rarity_power: exponent of the inverse document frequency.
        copies: each text is learnt from so many times more, each time with other words
            left out, so that no single word carries a label.
        drop: share of the words that are left out of a copy.
        random_state: seed of that choice.
        mask_names: whether names of services are masked.
        threshold: a post is a complaint from this probability on; None takes the
            likeliest of the four labels.
    """

    def __init__(
        self,
        *,
        bits: int = 19,
        words: tuple[int, ...] = (1, 2),
        skip: bool = True,
        chars: tuple[int, ...] = (3, 4, 5),
        C: float = 4.0,  # noqa: N803 # scikit-learn's name
        symptom_C: float = 4.0,  # noqa: N803
        rarity_power: float = 1.5,
        copies: int = 1,
        drop: float = 0.4,
        random_state: int = 0,
        mask_names: bool = True,
        threshold: float | None = None,
    ) -> None:
        self.bits = bits
        self.words = words
        self.skip = skip
        self.chars = chars
        self.C = C
        self.symptom_C = symptom_C
        self.rarity_power = rarity_power
        self.copies = copies
        self.drop = drop
        self.random_state = random_state
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
        layout = Layout(
            names=_names() if self.mask_names else (),
            bits=self.bits,
            words=tuple(self.words),
            skip=self.skip,
            chars=tuple(self.chars),
        )
        self.classes_ = np.array([label for label in LABELS if label in set(labels)], dtype=object)
        features = featurize(self._with_copies(texts), layout)
        # As precise as the model file keeps it, so that a saved model is the same model.
        idf = rarity(features, self.bits, self.rarity_power)
        times = self.copies + 1
        coef, intercept = fit_linear(
            features,
            idf,
            np.tile(labels, times),
            self.classes_,
            strength=self.C,
            sample_weight=None if sample_weight is None else np.tile(sample_weight, times),
        )
        named = np.asarray(["" if symptoms is None else s for s in symptoms or texts], dtype=object)
        rows = np.flatnonzero((labels == "complaint") & (named != ""))
        found = set(named[rows])
        self.symptoms_ = np.array([s for s in SYMPTOMS if s in found] or ["down"], dtype=object)
        symptom_coef, symptom_intercept = fit_linear(
            featurize(self._with_copies([texts[row] for row in rows]), layout),
            idf,
            np.tile(named[rows], times),
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

    def _with_copies(self, texts: list[str]) -> list[str]:
        chance = random.Random(self.random_state)  # noqa: S311 # nothing secret
        thinned = [thin(t, self.drop, chance) for _ in range(self.copies) for t in texts]
        return texts + thinned

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
