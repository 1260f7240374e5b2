"""X, through tweepy."""

from miner.sources.x.source import X

__all__ = ["X"]
