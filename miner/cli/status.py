"""``miner status``."""

from __future__ import annotations

from typing import Any, Final

import click

from miner.cli.moments import ago, moment
from miner.cli.shared import config_option, json_option, print_json, print_table

#: Exit code where a pull is behind.
STALE: Final = 8


@click.command(
    epilog="""\b
Examples:
  miner status --db outages.db
  miner status --config miner.toml --json --max-lag 36500d
  miner status --db outages.db --max-lag 36500d || echo "the collection is behind"
"""
)
@click.option("--db", metavar="FILE", help="The database (SQLite).")
@config_option(required=False)
@click.option(
    "--max-lag",
    metavar="TIME",
    help="Leave with exit code 8 where a source and service is further behind.  [default: "
    "stale_after of the configuration, 1h]",
)
@json_option
def command(db: str | None, config: str | None, max_lag: str | None, as_json: bool) -> None:
    """Show how a collection stands: lag, coverage of the last day, gaps, runs, spend.

    With --config also when the next pass is due, and whether every source and service
    of the configuration is up to date. Leaves with exit code 8 where one is behind.
    """
    from miner import durations
    from miner.errors import UsageError
    from miner.job import read_config, standing
    from miner.sources.protocol import SystemClock
    from miner.store import Store

    if (db is None) == (config is None):
        raise UsageError("name a database with --db, or a configuration with --config")
    job = None if config is None else read_config(config)
    limit = 3_600.0 if job is None else job.stale_after
    if max_lag is not None:
        limit = durations.seconds(max_lag, "--max-lag")
    store = Store(str(db) if job is None else job.database)
    status: dict[str, Any] = store.status(SystemClock().now())
    stands = standing(status, limit, job)
    is_stale = stands.is_stale or not status["pulls"]
    names = [f"{service} on {source}" for source, service in stands.behind]
    if as_json:
        more = {"next_run": stands.next_run, "stale": is_stale, "behind": names}
        print_json(_readable({**status, **more}))
    else:
        _show(status)
        if stands.next_run is not None:
            click.echo(f"next run: {moment(stands.next_run)}")
    if is_stale:
        click.echo(f"miner: behind: {', '.join(names) or 'nothing was collected yet'}", err=True)
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
        if pull["estimated_until"] is not None:
            until = moment(pull["estimated_until"])
            click.echo(f"estimated on a budget: {pull['source']} {pull['service']} to {until}")
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
    times |= {"estimated_until", "next_run"}
    if isinstance(value, dict):
        return {key: _readable(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_readable(inner) for inner in value]
    return moment(value) if name in times else value
