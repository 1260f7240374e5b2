"""Mastodon, and other servers that speak its API."""

from miner.sources.mastodon.source import Mastodon

__all__ = ["Mastodon"]
