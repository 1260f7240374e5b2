"""``miner status``."""

from __future__ import annotations

from typing import Any, Final

import click

from miner.cli.moments import ago, moment
from miner.cli.shared import db_option, json_option, print_json, print_table

#: Exit code where a pull is behind.
STALE: Final = 8


@click.command(
    epilog="""\b
Examples:
  miner status --db outages.db
  miner status --db outages.db --json
  miner status --db outages.db --max-lag 36500d || echo "the collection is behind"
"""
)
@db_option
@click.option(
    "--max-lag",
    default="1h",
    show_default=True,
    metavar="TIME",
    help="Leave with exit code 8 where a source and service is further behind.",
)
@json_option
def command(db: str, max_lag: str, as_json: bool) -> None:
    """Show how a collection stands: lag, coverage of the last day, gaps, runs, spend."""
    from miner.cli import durations
    from miner.sources.protocol import SystemClock
    from miner.store import Store

    limit = durations.seconds(max_lag, "--max-lag")
    status: dict[str, Any] = Store(db).status(SystemClock().now())
    stale = [pull for pull in status["pulls"] if pull["lag_seconds"] > limit]
    is_stale = bool(stale) or not status["pulls"]
    if as_json:
        print_json({**_readable(status), "stale": is_stale})
    else:
        _show(status)
    if is_stale:
        names = ", ".join(f"{pull['service']} on {pull['source']}" for pull in stale)
        click.echo(f"miner: behind: {names or 'nothing was collected yet'}", err=True)
        raise click.exceptions.Exit(STALE)


def _show(status: dict[str, Any]) -> None:
    rows = [
        [
            pull["source"],
            pull["service"],
            moment(pull["last_post"]) or "none",
            ago(pull["lag_seconds"]),
            f"{100 * pull['coverage_of_last_day']:.1f} %",
            len(pull["gaps_of_last_day"]),
        ]
        for pull in status["pulls"]
    ]
    columns = ["source", "service", "last post (UTC)", "behind", "watched of last day", "gaps"]
    print_table(columns, rows, title=f"{status['posts']:,} posts")
    for pull in status["pulls"]:
        for gap in pull["gaps_of_last_day"]:
            start, end = moment(gap["start"]), moment(gap["end"])
            click.echo(f"gap: {pull['source']} {pull['service']} {start} to {end}: {gap['reason']}")
        for mark in pull["breaks"]:
            at = moment(mark["at"])
            click.echo(f"break: {pull['source']} {pull['service']} {at}: {mark['reason']}")
    for run in status["runs"]:
        ended = moment(run["ended_at"]) or "still running, or killed"
        click.echo(
            f"last run of {run['source']}: {moment(run['started_at'])} to {ended}: "
            f"{run['seen']:,} seen, {run['posts']:,} posts kept; {run['outcome'] or 'no outcome'}"
        )
    for spend in status["spend"]:
        click.echo(
            f"spent on {spend['source']}: {spend['micros'] / 1e6:.4f} USD "
            f"in {spend['requests']:,} requests"
        )


def _readable(value: Any, name: str = "") -> Any:
    """The value with times as ISO 8601."""
    times = {"now", "start", "end", "at", "started_at", "ended_at", "watched_until", "last_post"}
    if isinstance(value, dict):
        return {key: _readable(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_readable(inner) for inner in value]
    return moment(value) if name in times else value
