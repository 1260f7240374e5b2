"""The files of a job, written anew from the database."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pandas as pd

from miner.errors import MinerError
from miner.exporter import write
from miner.job.config import Config, Export
from miner.store import Store

_log = logging.getLogger(__name__)

#: What may be shared of other people's posts within the terms of the platforms.
SHAREABLE = ("source", "post_id", "service", "label")


def write_exports(config: Config, now: int) -> list[MinerError]:
    """Write every export; one that fails does not stop the others.

    Readers of a file see the old one or the new one, never half of one.

    Args:
        config: the configuration.
        now: microseconds since 1970 UTC, from which ``last`` counts back.

    Returns:
        What went wrong, in the order of the exports.
    """
    errors: list[MinerError] = []
    for export in config.exports:
        try:
            table = _table(config, export, now)
            write(table, export.file, spreadsheet=export.spreadsheet)
        except MinerError as error:
            _log.error("%s", error, extra={"file": str(export.file)})
            errors.append(error)
        else:
            _log.info(
                "wrote %d rows to %s",
                len(table),
                export.file,
                extra={"file": str(export.file), "rows": len(table)},
            )
    return errors


def _table(config: Config, export: Export, now: int) -> pd.DataFrame:
    store = Store(config.database)
    services = list(export.services or config.services)
    start = None if export.last is None else _before(now, export.last)
    if export.what == "series":
        return store.series(services, export.freq, by=export.by, source=export.source, start=start)
    posts = store.posts(services, start)
    if export.source is not None:
        posts = posts[posts["source"] == export.source]
    return posts[list(SHAREABLE)] if export.what == "ids" else posts


def _before(now: int, seconds: float) -> pd.Timestamp:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now)
    return pd.Timestamp(at - timedelta(seconds=seconds))
