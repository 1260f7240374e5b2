"""One whole pass, which may be repeated at any time: what is done already is not done again.

    collect (each page matched, labelled, counted and stored in one transaction)
      → series (read from the counts), what the detector says of them
      → exports

Alerts follow the exports: their place is :func:`finish`, which also ``miner watch`` calls.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from miner.collector import Options, Outcome, collect_locked, only_job
from miner.errors import MinerError
from miner.job.config import Config
from miner.job.exporting import write_exports
from miner.job.spending import budgets
from miner.sources import registry
from miner.sources.protocol import Clock, SystemClock
from miner.store import Writer

_log = logging.getLogger(__name__)

#: What an outcome is reported with.
_NUMBERS: Final = ("pages", "seen", "posts", "candidates", "edits", "deletions", "skipped")


@dataclass
class Pass:
    """What came of a pass.

    Attributes:
        outcomes: of each source.
        errors: of what was written after collecting.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    errors: list[MinerError] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """That of the first source that failed, else of the first export; 0 where all went well."""
        errors = [outcome.error for outcome in self.outcomes if outcome.error is not None]
        return next((error.exit_code for error in [*errors, *self.errors]), 0)


def run_pass(
    config: Config, *, clock: Clock | None = None, stop: threading.Event | None = None
) -> Pass:
    """Collect what came since the last pass from every source, then write the exports.

    Args:
        config: what and where.
        clock: the time; this machine's by default.
        stop: set it to end collecting after the pages at hand.

    Raises:
        BusyError: another job is at work on the database.
        StoreError: the database cannot be written.
    """
    clock = clock or SystemClock()
    options = dataclasses.replace(config.options_at(clock.now()), catch_up=True)
    with only_job(config.database):
        outcomes = gather(config, options, clock, stop or threading.Event())
        return Pass(outcomes, finish(config, clock.now()))


def gather(config: Config, options: Options, clock: Clock, stop: threading.Event) -> list[Outcome]:
    """Collect from all sources of the configuration; the caller holds the lock."""
    feeds = [registry.load(feed.name) for feed in config.feeds]
    with Writer.open(config.database) as writer:
        allowed = budgets(writer, config.feeds, clock.now())
    return collect_locked(
        config.database,
        feeds,
        config.labeller.make(),
        dataclasses.replace(options, budgets=allowed),
        clock=clock,
        stop=stop,
        progress=_told,
    )


def finish(config: Config, now: int) -> list[MinerError]:
    """What follows collecting; returns what went wrong."""
    return write_exports(config, now)


def _told(outcome: Outcome) -> None:
    """Log how a source stands: its end for people, each page for who looks closely."""
    numbers: Mapping[str, object] = {
        "source": outcome.source,
        **{name: getattr(outcome, name) for name in _NUMBERS},
    }
    if outcome.error is not None:
        _log.error("%s", outcome.error, extra=numbers)
    elif outcome.has_ended:
        _log.info(
            "%s: %d seen, %d posts kept", outcome.source, outcome.seen, outcome.posts, extra=numbers
        )
    else:
        _log.debug("%s: page %d", outcome.source, outcome.pages, extra=numbers)
