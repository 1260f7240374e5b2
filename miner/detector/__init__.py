"""Series to outages: what was expected of each bin, its state, and the outages."""

from miner.detector.detect import Detected, describe, detect
from miner.detector.engine import STATES, Engine
from miner.detector.linking import link

__all__ = ["STATES", "Detected", "Engine", "describe", "detect", "link"]
