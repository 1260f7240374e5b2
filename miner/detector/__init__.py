"""Series to outages: what was expected of each bin, its state, and the outages."""

from miner.detector.detect import Detected, detect, outages_table
from miner.detector.engine import STATES, Engine
from miner.detector.linking import link
from miner.detector.tables import WIDEST

__all__ = [
    "STATES",
    "WIDEST",
    "Detected",
    "Engine",
    "detect",
    "link",
    "outages_table",
]
