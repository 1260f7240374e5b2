"""Which label a post has: the model, its training, its files."""

from miner.classifier.files import load, save, shipped
from miner.classifier.label import PURPOSES, label
from miner.classifier.model import OutageClassifier

__all__ = ["PURPOSES", "OutageClassifier", "label", "load", "save", "shipped"]
