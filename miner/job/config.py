"""What a configuration file says, checked and with its paths made absolute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from miner.collector import Labeller, Options
from miner.counter.times import SECOND

What = Literal["series", "posts", "ids"]


@dataclass(frozen=True)
class Feed:
    """A source to collect from.

    Attributes:
        name: of the source.
        url: another host than the platform's own; None: its own.
        per_run: micros (millionths of a US dollar) a pass may spend; None: no bound.
        per_month: micros that may be spent in a calendar month (UTC); None: no bound.
        options: settings of the source.
    """

    name: str
    url: str | None = None
    per_run: int | None = None
    per_month: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Export:
    """A file to write after every pass.

    Attributes:
        file: .csv, .parquet or .jsonl by its name.
        what: the series, the labelled posts, or their ids alone.
        services: ids; None: all of the configuration.
        freq: width of a bin.
        by: dimension to split by; None: not split.
        source: posts of this source alone; None: of all.
        last: seconds before now to begin at; None: at the beginning.
        outages: file for the outages of a series; None: not written.
        false_alarms: to be expected a service, such as "1/year".
        spreadsheet: make a CSV harmless to open in a spreadsheet.
    """

    file: Path
    what: What = "series"
    services: tuple[str, ...] | None = None
    freq: str = "1min"
    by: str | None = None
    source: str | None = None
    last: float | None = None
    outages: Path | None = None
    false_alarms: str = "1/year"
    spreadsheet: bool = False


@dataclass(frozen=True)
class Config:
    """A configuration file.

    Attributes:
        path: the file itself.
        database: the database.
        services: ids of the lexicon.
        feeds: the sources.
        exports: the files to write.
        options: what of :class:`miner.collector.Options` does not depend on the moment.
        since: seconds before now at which to begin without a cursor; None: now.
        labeller: makes the labeller: services, lexicon, model, mode and purpose.
        every: seconds between two passes; None: unknown.
        stale_after: seconds after which a source and service is behind.
        export_every: seconds between two exports of ``miner watch``.
    """

    path: Path
    database: Path
    services: tuple[str, ...]
    feeds: tuple[Feed, ...]
    exports: tuple[Export, ...]
    options: Options
    since: float | None
    labeller: Labelling
    every: float | None
    stale_after: float
    export_every: float

    def options_at(self, now: int) -> Options:
        """The options of a collection that begins now (microseconds since 1970 UTC)."""
        from dataclasses import replace

        since = None if self.since is None else now - round(self.since * SECOND)
        return replace(self.options, since=since)


@dataclass(frozen=True)
class Labelling:
    """What candidates are found and labelled by.

    Attributes:
        services: ids of the lexicon.
        mode: "phrase" or "mention".
        purpose: "balanced", "precise" or "sensitive".
        lexicon: file of own services and phrases; None: the shipped ones alone.
        model: file of an own model; None: the shipped one.
    """

    services: tuple[str, ...]
    mode: Literal["phrase", "mention"] = "phrase"
    purpose: str = "balanced"
    lexicon: str | None = None
    model: str | None = None

    def make(self) -> Labeller:
        """The labeller.

        Raises:
            LexiconError: the lexicon file has a mistake.
            ModelError: the model file cannot be used.
        """
        from miner.classifier import load, version_of
        from miner.lexicon import load_lexicon

        return Labeller(
            self.services,
            load_lexicon(self.lexicon),
            mode=self.mode,
            model=None if self.model is None else load(self.model),
            model_version=version_of(self.model),
            purpose=self.purpose,
        )
