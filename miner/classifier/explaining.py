"""Why a text got its label: what spoke for a complaint and what against it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from miner.classifier.linear import LinearModel
from miner.classifier.reference import reference_features


@dataclass(frozen=True)
class Explanation:
    """The label of a text and what decided.

    Attributes:
        label: as :func:`miner.label` gives it.
        proba: probability of each label.
        symptom: the likeliest symptom, as if the text were a complaint.
        words: words, word pairs and pieces of words with their weight: how much they
            add to the score of ``complaint`` over that of the likeliest other label;
            strongest first. The weights of all features and ``bias`` sum to the
            difference of the two scores.
        rival: that other label.
        bias: the difference without any feature.
    """

    label: str
    proba: dict[str, float]
    symptom: str
    words: list[tuple[str, float]]
    rival: str
    bias: float


def explain(text: str, model: LinearModel) -> Explanation:
    """Explanation of one text by a model."""
    proba = model.predict_proba([text])[0]
    names = list(model.classes_)
    own = names.index("complaint")
    rival = max((at for at in range(len(names)) if at != own), key=lambda at: proba[at])
    features = list(reference_features(text, model.layout))
    places = [feature.place for feature in features]
    length = float(np.sqrt(np.sum(model.idf[places].astype(np.float64) ** 2))) or 1.0
    weights: dict[str, float] = defaultdict(float)
    for feature in features:
        gain = float(model.coef[feature.place, own]) - float(model.coef[feature.place, rival])
        weights[feature.text] += gain / length
    strongest = sorted(weights.items(), key=lambda item: (-abs(item[1]), item[0]))
    return Explanation(
        label=str(model.decide(proba[None])[0]),
        proba={name: float(value) for name, value in zip(names, proba, strict=True)},
        symptom=str(model.predict_symptom([text])[0]),
        words=strongest,
        rival=names[rival],
        bias=float(model.intercept[own] - model.intercept[rival]),
    )
