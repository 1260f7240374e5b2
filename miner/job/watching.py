"""Following the sources without an end, and writing the exports again and again."""

from __future__ import annotations

import dataclasses
import logging
import threading

from miner.collector import only_job
from miner.errors import MinerError
from miner.job.config import Config
from miner.job.passing import Pass, finish, gather
from miner.sources.protocol import Clock, SystemClock

_log = logging.getLogger(__name__)


def watch(
    config: Config, *, clock: Clock | None = None, stop: threading.Event | None = None
) -> Pass:
    """Follow every source until told to stop; the exports are written meanwhile and at the end.

    A source that needs its user (a key, credits) ends; the others go on.

    Args:
        config: what and where; ``at_most`` does not bound it.
        clock: the time; this machine's by default.
        stop: set it to end after the pages at hand.

    Raises:
        BusyError: another job is at work on the database.
        StoreError: the database cannot be written.
    """
    clock, stop = clock or SystemClock(), stop or threading.Event()
    options = dataclasses.replace(config.options_at(clock.now()), seconds=None, attempts=None)
    with only_job(config.database):
        is_over = threading.Event()
        writing = threading.Thread(
            target=_keep_writing, args=(config, clock, is_over), name="exports", daemon=True
        )
        writing.start()
        try:
            outcomes = gather(config, options, clock, stop)
        finally:
            is_over.set()
            writing.join()
        return Pass(outcomes, finish(config, clock.now()))


def _keep_writing(config: Config, clock: Clock, is_over: threading.Event) -> None:
    """Write the exports at intervals; what fails is tried again the next time."""
    while not is_over.wait(config.export_every):
        try:
            finish(config, clock.now())
        except MinerError as error:
            _log.warning("%s", error)
        except Exception:  # noqa: BLE001 - the collection goes on without them
            _log.exception("the exports failed in a way they should not")
