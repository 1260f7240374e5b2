"""Reddit, through its API."""

from miner.sources.reddit.source import Reddit

__all__ = ["Reddit"]
