"""``miner run``."""

from __future__ import annotations

from typing import Any

import click

from miner.cli import logs
from miner.cli.shared import config_option, json_option, print_json


@click.command(
    epilog="""\b
Examples:
  miner run --config miner.toml
  miner run --config miner.toml --log-format json --log-level info
"""
)
@config_option(required=True)
@json_option
@logs.log_options
def command(config: str, as_json: bool, log_format: str, log_level: str) -> None:
    """Do one whole pass of a configured job, to be started by a scheduler.

    Collects what came since the last pass from every source, labels and counts it, and
    writes the exports. It may be repeated and killed at any time. A source that fails
    does not stop the others; the exit code tells of it (see `miner --help`).
    """
    from miner.cli.stopping import stop_on_signals
    from miner.job import read_config, run_pass

    logs.set_up(log_format, log_level)
    with stop_on_signals() as stop:
        done = run_pass(read_config(config), stop=stop)
    finish(done, as_json=as_json)


def finish(done: Any, *, as_json: bool) -> None:
    """Report a pass, and leave with its exit code; its errors are in the logs."""
    from miner.cli.outcomes import as_values

    if as_json:
        print_json(
            {
                "sources": [as_values(outcome) for outcome in done.outcomes],
                "errors": [str(error) for error in done.errors],
            }
        )
    if done.exit_code:
        raise click.exceptions.Exit(done.exit_code)
