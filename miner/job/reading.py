"""Reading a configuration file: every key is known, every value checked, before anything runs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final, Literal, cast
from urllib.parse import urlsplit

from miner.collector import Options
from miner.counter import frequency
from miner.counter.count import check_dimension
from miner.detector import WIDEST
from miner.detector.thresholds import DEFAULT, parse
from miner.errors import ConfigError, UsageError
from miner.job.config import Config, Export, Feed, Labelling, What
from miner.job.secret_files import read_secrets
from miner.job.tables import Table
from miner.lexicon import Lexicon, load_lexicon
from miner.sources import registry

#: Keys that promise a secret, which has no place in a file that is shown and shared.
_SECRET: Final = re.compile(r"(?i)token|secret|password|bearer|client_id|api_?key|credential")
_NO_NOTIFY: Final = (
    "alerts on the onset and end of an outage come with a later version; take it out"
)
_ELSEWHERE: Final = (
    "secrets do not belong here; set it in the environment, or in the file that [secrets] "
    "file names, readable by you alone"
)


def read_config(path: str | Path) -> Config:
    """The configuration in a file; the secrets of its file of secrets enter the environment.

    Raises:
        ConfigError: a mistake; the message names file, table, key and what to do.
        LexiconError: a mistake in the lexicon file that it names.
    """
    file = Path(path).absolute()
    top = Table(_parse(file), Path(path))
    secrets = top.table("secrets")
    secret_file = secrets.path("file")
    secrets.done()
    collect = top.table("collect")
    lexicon_file = collect.path("lexicon")
    lexicon = load_lexicon(lexicon_file)
    services = _services(top, lexicon, required=True) or ()
    labelling = _labelling(collect, services, lexicon_file)
    options, since = _options(top, collect)
    feeds = _feeds(top.table("sources"))
    schedule = top.table("schedule")
    every = schedule.seconds("every")
    config = Config(
        path=file,
        database=_database(top),
        services=services,
        feeds=feeds,
        exports=_exports(top.tables("exports"), lexicon, services, feeds),
        options=_with_feeds(options, feeds),
        since=since,
        labeller=labelling,
        every=every,
        stale_after=schedule.seconds("stale_after", "1h") or 0.0,
        export_every=schedule.seconds("export_every", "1m") or 0.0,
    )
    schedule.done()
    top.done([("notify", _NO_NOTIFY)])
    if secret_file is not None:
        read_secrets(secret_file)
    return config


def _parse(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{file}: no such file; `miner init {file.name}` writes one to begin with"
        ) from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: is not UTF-8; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: is no TOML: {error}; see https://toml.io") from None


def _database(top: Table) -> Path:
    path = top.path("database")
    if path is None:
        top.fail("database", 'is missing; add database = "outages.db"')
    return path


def _services(table: Table, lexicon: Lexicon, *, required: bool) -> tuple[str, ...] | None:
    names = table.texts("services")
    if names is None:
        if required:
            table.fail("services", 'is missing; add services = ["whatsapp"] (`miner services`)')
        return None
    try:
        return tuple(dict.fromkeys(lexicon.resolve(name).id for name in names))
    except UsageError as error:
        table.fail("services", str(error))


def _labelling(collect: Table, services: tuple[str, ...], lexicon: Path | None) -> Labelling:
    mode = collect.choice("mode", ("phrase", "mention"))
    model = collect.path("model")
    return Labelling(
        services,
        mode=cast("Literal['phrase', 'mention']", mode),
        purpose=collect.choice("purpose", ("balanced", "precise", "sensitive")),
        lexicon=None if lexicon is None else str(lexicon),
        model=None if model is None else str(model),
    )


def _options(top: Table, collect: Table) -> tuple[Options, float | None]:
    options = Options(
        seconds=collect.seconds("at_most"),
        keep_raw=collect.flag("raw", default=True),
        retention=top.seconds("retention"),
    )
    since = collect.seconds("since")
    collect.done()
    return options, since


def _feeds(sources: Table) -> tuple[Feed, ...]:
    known = registry.names()
    feeds = []
    for name in sources.names():
        if name not in known:
            sources.fail(
                name, f"no such source; sources of this installation: {', '.join(known) or 'none'}"
            )
        feeds.append(_feed(sources.table(name), name))
    if not feeds:
        raise ConfigError(f"{sources.where} is missing; add a source, such as [sources.bluesky]")
    return tuple(feeds)


def _feed(table: Table, name: str) -> Feed:
    url = table.text("url")
    if url is not None and any(urlsplit(part.strip()).username for part in url.split(",")):
        table.fail("url", f"holds a name or password; {_ELSEWHERE}")
    settings = table.table("options")
    known = registry.settings_of(name)
    options = {}
    for key in settings.names():
        if _SECRET.search(key):
            settings.fail(key, _ELSEWHERE)
        if known is not None and key not in known:
            settings.fail(key, f"{name} has no such setting; it has: {', '.join(known)}")
        options[key] = settings.setting(key)
    feed = Feed(
        name, url, table.micros("budget_per_run"), table.micros("budget_per_month"), options
    )
    table.done([(key, _ELSEWHERE) for key in table.names() if _SECRET.search(key)])
    return feed


def _with_feeds(options: Options, feeds: tuple[Feed, ...]) -> Options:
    from dataclasses import replace

    return replace(
        options,
        urls={feed.name: feed.url for feed in feeds if feed.url is not None},
        settings={feed.name: feed.options for feed in feeds},
    )


def _exports(
    tables: list[Table], lexicon: Lexicon, services: tuple[str, ...], feeds: tuple[Feed, ...]
) -> tuple[Export, ...]:
    exports = [_export(table, lexicon, services, feeds) for table in tables]
    files = [file for export in exports for file in (export.file, export.outages) if file]
    for table, export in zip(tables, exports, strict=True):
        for key, file in (("file", export.file), ("outages", export.outages)):
            if file is not None and files.count(file) > 1:
                table.fail(key, f"{file.name} is written twice; give each its own file")
    return tuple(exports)


def _export(
    table: Table, lexicon: Lexicon, services: tuple[str, ...], feeds: tuple[Feed, ...]
) -> Export:
    file = table.path("file")
    if file is None:
        table.fail("file", 'is missing; add file = "series.csv"')
    chosen = _services(table, lexicon, required=False)
    for name in chosen or ():
        if name not in services:
            table.fail("services", f"{name} is not collected; add it to services at the top")
    freq, by, source = table.text("freq", "1min") or "", table.text("by"), table.text("source")
    for key, check in (("freq", lambda: frequency(freq)), ("by", lambda: check_dimension(by))):
        try:
            check()
        except UsageError as error:
            table.fail(key, str(error))
    if source is not None and source not in {feed.name for feed in feeds}:
        table.fail("source", f"{source} is not collected from; add [sources.{source}]")
    export = Export(
        file=file,
        what=cast("What", table.choice("what", ("series", "posts", "ids"))),
        services=chosen,
        freq=freq,
        by=by,
        source=source,
        last=table.seconds("last"),
        outages=table.path("outages"),
        false_alarms=_false_alarms(table),
        spreadsheet=table.flag("spreadsheet", default=False),
    )
    if export.outages is not None and export.what != "series":
        table.fail("outages", "are those of a series; leave it out, or what")
    if export.outages is not None and frequency(freq).width > WIDEST:
        table.fail("freq", f"{freq} is too wide to tell outages in; 1h at most")
    table.done()
    return export


def _false_alarms(table: Table) -> str:
    rate = table.text("false_alarms", DEFAULT) or DEFAULT
    try:
        parse(rate)
    except UsageError as error:
        table.fail("false_alarms", str(error))
    return rate
