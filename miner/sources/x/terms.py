"""What X's terms forbid, told to who is about to do it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

_log = logging.getLogger("miner.sources.x")

#: Id of X itself in the lexicon.
ITSELF: Final = "x"
WARNING: Final = (
    "X's developer policy forbids measuring the availability or performance of X itself for "
    "benchmarking, competitive or commercial purposes; posts about outages of X can be "
    "collected from other sources"
)


def warn_of_itself(services: Iterable[str]) -> None:
    """Warn of the terms where X is to be collected from X."""
    if ITSELF in services:
        _log.warning("%s", WARNING)
