"""Whether a collection is up to date: what ``miner status`` says to people and monitors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from miner.counter.times import SECOND
from miner.job.config import Config


@dataclass(frozen=True)
class Standing:
    """How a collection stands.

    Attributes:
        behind: source and service of what is further behind than allowed.
        next_run: when the next pass begins, microseconds since 1970 UTC; None: unknown.
    """

    behind: tuple[tuple[str, str], ...]
    next_run: int | None

    @property
    def is_stale(self) -> bool:
        """Whether anything is behind."""
        return bool(self.behind)


def standing(status: Mapping[str, Any], limit: float, config: Config | None = None) -> Standing:
    """How a collection stands.

    Args:
        status: of :meth:`miner.store.Store.status`.
        limit: seconds that a source and service may be behind.
        config: what is to be collected; None: what was collected so far.
    """
    lags = {(pull["source"], pull["service"]): pull["lag_seconds"] for pull in status["pulls"]}
    wanted = list(lags)
    if config is not None:
        wanted = [(feed.name, service) for feed in config.feeds for service in config.services]
    # What was never watched is behind as well.
    behind = tuple(key for key in wanted if lags.get(key, float("inf")) > limit)
    return Standing(behind, _next_run(status, config))


def _next_run(status: Mapping[str, Any], config: Config | None) -> int | None:
    starts = [int(run["started_at"]) for run in status["runs"]]
    if config is None or config.every is None or not starts:
        return None
    return max(starts) + round(config.every * SECOND)
