"""Bluesky, through Jetstream."""

from miner.sources.bluesky.source import Bluesky

__all__ = ["Bluesky"]
