"""``miner collect``."""

from __future__ import annotations

from typing import Any

import click

from miner.cli import logs
from miner.cli.moments import moment
from miner.cli.outcomes import as_values
from miner.cli.shared import db_option, json_option, print_json, progress, quiet_option


@click.command(
    epilog="""\b
Examples:
  miner collect --source bluesky --service whatsapp --db outages.db --for 10m
  miner collect --source bluesky --service whatsapp --service signal --db outages.db --catch-up
  miner collect --source bluesky --service whatsapp --db outages.db --url wss://my.mirror --for 1h
  miner collect --source x --service whatsapp --db outages.db --since 6h --budget 5usd
"""
)
@click.option(
    "--source", "sources", multiple=True, required=True, metavar="NAME", help="Where; repeatable."
)
@click.option(
    "--service", "services", multiple=True, required=True, metavar="NAME", help="What; repeatable."
)
@db_option
@click.option(
    "--url",
    "urls",
    multiple=True,
    metavar="[NAME=]URL",
    help="Another host: a mirror, a test server; NAME= where there are several sources.",
)
@click.option("--for", "duration", metavar="TIME", help="End after 90s, 10m, 2h.")
@click.option("--catch-up", is_flag=True, help="End as soon as everything up to now is there.")
@click.option(
    "--since",
    "beginning",
    metavar="T",
    help="Begin here where nothing was collected yet: 6h (ago), or 2026-05-01T00:00Z.",
)
@click.option("--budget", metavar="AMOUNT", help="Spend at most this on each source, such as 5usd.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME.KEY=VALUE",
    help="A setting of a source, such as bluesky.wire=v1.",
)
@click.option(
    "--mode",
    type=click.Choice(["phrase", "mention"]),
    default="phrase",
    show_default=True,
    help="phrase: service and complaint phrase; mention: the service alone, the model decides.",
)
@click.option("--lexicon", metavar="FILE", help="Your own services and phrases (TOML).")
@click.option("--model", metavar="FILE", help="A model of your own.")
@click.option("--raw/--no-raw", default=True, help="Keep the platform's JSON, compressed.")
@click.option("--retention", metavar="TIME", help="Forget what is older, such as 90d.")
@json_option
@quiet_option
@logs.log_options
def command(
    sources: tuple[str, ...],
    services: tuple[str, ...],
    db: str,
    urls: tuple[str, ...],
    duration: str | None,
    catch_up: bool,
    beginning: str | None,
    budget: str | None,
    settings: tuple[str, ...],
    mode: Any,
    lexicon: str | None,
    model: str | None,
    raw: bool,
    retention: str | None,
    as_json: bool,
    quiet: bool,
    log_format: str,
    log_level: str,
) -> None:
    """Collect posts from live sources into a database.

    Goes on from where the last run ended. Without --for or --catch-up it goes on until
    it is stopped (Ctrl-C, SIGTERM), which ends it after the page at hand. Posts that
    match are kept with their labels; what was watched and what was missed is recorded.
    """
    from miner import durations
    from miner.classifier import load, version_of
    from miner.cli.stopping import stop_on_signals
    from miner.collector import Labeller, Options, collect
    from miner.errors import SourceError, UsageError
    from miner.lexicon import load_lexicon
    from miner.sources import registry
    from miner.sources.protocol import SystemClock

    logs.set_up(log_format, log_level)
    if duration is not None and catch_up:
        raise UsageError("--for and --catch-up: choose one")
    now = SystemClock().now()
    options = Options(
        since=None if beginning is None else durations.since(beginning, now),
        catch_up=catch_up,
        seconds=None if duration is None else durations.seconds(duration, "--for"),
        urls=_urls(urls, sources),
        settings=_settings(settings, sources),
        budgets={} if budget is None else dict.fromkeys(sources, durations.micros(budget)),
        keep_raw=raw,
        retention=None if retention is None else durations.seconds(retention, "--retention"),
        attempts=Options.attempts if catch_up or duration is not None else None,
    )
    labeller = Labeller(
        services,
        load_lexicon(lexicon),
        mode=mode,
        model=None if model is None else load(model),
        model_version=version_of(model),
    )
    chosen = [registry.load(name) for name in dict.fromkeys(sources)]
    with stop_on_signals() as stop, progress("collecting", quiet=quiet) as line:
        outcomes = collect(
            db,
            chosen,
            labeller,
            options,
            stop=stop,
            progress=lambda outcome: line.update(_told(outcome)),
        )
    if as_json:
        print_json([as_values(outcome) for outcome in outcomes])
    elif not quiet and log_format == "text":
        for outcome in outcomes:
            click.echo(_told(outcome), err=True)
    if budget is not None and not quiet and not as_json:
        _tell_estimates(db, [source.name for source in chosen])
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if errors:
        raise SourceError("; ".join(str(error) for error in errors))


def _tell_estimates(db: str, sources: list[str]) -> None:
    """Say what the sample says, and what all of it has cost."""
    from miner.store import Store

    store = Store(db)
    for source in sources:
        table = store.estimates(source=source)
        totals: Any = table[table["is_total"]]
        for row in totals.itertuples():
            share = row.complaints / row.mentions if row.mentions else 0.0
            span = f"{row.start:%Y-%m-%d %H:%M} to {row.end:%Y-%m-%d %H:%M} UTC"
            click.echo(
                f"{row.service} on {source}, {span}: {row.mentions:,} mentions, "
                f"{row.complaints:,.0f} complaints ({row.complaints_low:,.0f} to "
                f"{row.complaints_high:,.0f}), {share:.1%}; estimated from {row.sampled:,} posts",
                err=True,
            )


def _urls(texts: tuple[str, ...], sources: tuple[str, ...]) -> dict[str, str]:
    from miner.errors import UsageError

    urls = {}
    for text in texts:
        name, _, url = text.partition("=")
        if name in sources:
            urls[name] = url
        elif len(sources) == 1:
            urls[sources[0]] = text
        else:
            raise UsageError(f"--url {text!r}: say of which source: --url {sources[0]}={text}")
    return urls


def _settings(texts: tuple[str, ...], sources: tuple[str, ...]) -> dict[str, dict[str, str]]:
    from miner.errors import UsageError

    settings: dict[str, dict[str, str]] = {}
    for text in texts:
        name, _, value = text.partition("=")
        source, _, key = name.partition(".")
        if source not in sources or not key:
            raise UsageError(f"--set {text!r} is not SOURCE.KEY=VALUE of one of the sources")
        settings.setdefault(source, {})[key] = value
    return settings


def _told(outcome: Any) -> str:
    if outcome.waiting:
        return str(outcome.waiting)
    parts = [f"{outcome.seen:,} seen", f"{outcome.posts:,} posts kept"]
    parts += [f"{outcome.edits:,} edited"] if outcome.edits else []
    parts += [f"{outcome.deletions:,} deleted"] if outcome.deletions else []
    parts += [f"{outcome.skipped:,} unreadable"] if outcome.skipped else []
    reached = f", up to {moment(outcome.reached)}" if outcome.reached else ""
    return f"{outcome.source}: {', '.join(parts)}{reached}"
