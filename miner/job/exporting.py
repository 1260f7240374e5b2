"""The files of a job, written anew from the database."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import pandas as pd

from miner.counter import frequency
from miner.detector import WIDEST, Detected, detect, outages_table
from miner.detector.thresholds import DEFAULT
from miner.errors import MinerError
from miner.estimator import SHIPPED, Rates, with_limits
from miner.exporter import write
from miner.job.config import Config, Export
from miner.store import Store

_log = logging.getLogger(__name__)

#: What the detector learns from, before the first bin of an export that begins at ``last``.
HISTORY: Final = pd.Timedelta(days=60)
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
        return _series(config, export, services, start)
    posts = store.posts(services, start)
    if export.source is not None:
        posts = posts[posts["source"] == export.source]
    return posts[list(SHAREABLE)] if export.what == "ids" else posts


def judged(
    of: Callable[..., pd.DataFrame],
    freq: str,
    by: str | None,
    rates: Rates | None,
    *,
    false_alarms: str = DEFAULT,
    described: bool = True,
) -> Detected:
    """A series with limits of its complaints and what the detector says of it; its outages.

    Args:
        of: gives the series for ``by``, a dimension to split it by or None.
        freq: width of its bins.
        by: the dimension asked for.
        rates: of its labels; None leaves the limits empty.
        false_alarms: to be expected a service.
        described: whether outages get their symptoms and countries.
    """
    series = of(by=by)
    if rates is not None:
        series = with_limits(series, rates)
    starts = series["bin_start"]
    has_bins = not starts.empty and starts.min() < starts.max()  # not so at the very beginning
    if not has_bins or frequency(freq).width > WIDEST:
        return Detected(outages_table(), series)
    split = {name: of(by=name) for name in ("symptom", "country")} if described and not by else {}
    return detect(series, false_alarms=false_alarms, split=split)


def _series(
    config: Config, export: Export, services: list[str], start: pd.Timestamp | None
) -> pd.DataFrame:
    """The series of an export; its outages go to their own file."""
    of = functools.partial(
        Store(config.database).series,
        services,
        export.freq,
        source=export.source,
        start=None if start is None else start - HISTORY,
    )
    labeller = config.labeller
    # The rates of an own model are not known.
    rates = None if labeller.model else SHIPPED[labeller.mode, labeller.purpose]
    outages, series = judged(
        of,
        export.freq,
        export.by,
        rates,
        false_alarms=export.false_alarms,
        described=export.outages is not None,
    )
    if export.outages is not None:
        write(outages, export.outages, spreadsheet=export.spreadsheet)
    return series if start is None else series[series["bin_start"] >= start]


def _before(now: int, seconds: float) -> pd.Timestamp:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now)
    return pd.Timestamp(at - timedelta(seconds=seconds))
