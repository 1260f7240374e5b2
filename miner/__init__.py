"""Mines outages out of social media: posts in, an outage time series out.

>>> import miner
>>> posts = miner.read_posts("archive/*.zst")                     # doctest: +SKIP
>>> labelled = miner.label(miner.match(posts, ["whatsapp"]))      # doctest: +SKIP
>>> series = miner.series(labelled, freq="5min")                  # doctest: +SKIP
>>> outages, scored = miner.detect(series)                        # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from miner.classifier import OutageClassifier, label
    from miner.counter import Counts, count, series
    from miner.detector import detect
    from miner.errors import MinerError
    from miner.estimator import estimate
    from miner.lexicon import Lexicon, load_lexicon
    from miner.matcher import match, queries
    from miner.reader import read_posts
    from miner.scorer import score
    from miner.store import Store

__version__ = "0.1.0"

__all__ = [
    "Counts",
    "Lexicon",
    "MinerError",
    "OutageClassifier",
    "Store",
    "count",
    "detect",
    "estimate",
    "label",
    "load_lexicon",
    "match",
    "queries",
    "read_posts",
    "score",
    "series",
]

_HOME = {
    "Counts": "counter",
    "Lexicon": "lexicon",
    "MinerError": "errors",
    "OutageClassifier": "classifier",
    "Store": "store",
    "count": "counter",
    "detect": "detector",
    "estimate": "estimator",
    "label": "classifier",
    "load_lexicon": "lexicon",
    "match": "matcher",
    "queries": "matcher",
    "read_posts": "reader",
    "score": "scorer",
    "series": "counter",
}


def __getattr__(name: str) -> object:
    """Public names are loaded when first used: pandas alone takes half a second."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
