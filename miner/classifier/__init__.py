"""Which label a post has: the model, its training, its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from miner.classifier.files import card_of, load, save, shipped, version_of
from miner.classifier.label import PURPOSES, label
from miner.classifier.linear import Classifier, LinearModel

if TYPE_CHECKING:
    from miner.classifier.model import OutageClassifier

__all__ = [
    "PURPOSES",
    "Classifier",
    "LinearModel",
    "OutageClassifier",
    "card_of",
    "label",
    "load",
    "save",
    "shipped",
    "version_of",
]


def __getattr__(name: str) -> object:
    """The estimator, loaded when first used: labelling does not need scikit-learn."""
    if name == "OutageClassifier":
        from miner.classifier.model import OutageClassifier

        return OutageClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
