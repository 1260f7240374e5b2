"""Which label a post has: the model, its training, its files."""

from miner.classifier.files import card_of, load, save, shipped
from miner.classifier.label import PURPOSES, label
from miner.classifier.model import OutageClassifier

__all__ = ["PURPOSES", "OutageClassifier", "card_of", "label", "load", "save", "shipped"]
