"""The lexicon: services with their names, and complaint phrases by symptom and language."""

from miner.lexicon.loader import Frame, Lexicon, Phrase, Service, load_lexicon
from miner.lexicon.patterns import Element, Pattern

__all__ = ["Element", "Frame", "Lexicon", "Pattern", "Phrase", "Service", "load_lexicon"]
