"""Labelled posts to counts that add up, and counts to dense series."""

from miner.counter.count import Counts, count, series
from miner.counter.times import Frequency, frequency, instant, interval

__all__ = ["Counts", "Frequency", "count", "frequency", "instant", "interval", "series"]
