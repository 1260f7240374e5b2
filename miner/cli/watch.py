"""``miner watch``."""

from __future__ import annotations

import click

from miner.cli import logs
from miner.cli.run import finish
from miner.cli.shared import config_option, json_option


@click.command(
    epilog="""\b
Examples:
  miner watch --config miner.toml
  miner watch --config miner.toml --log-format json
"""
)
@config_option(required=True)
@json_option
@logs.log_options
def command(config: str, as_json: bool, log_format: str, log_level: str) -> None:
    """Follow the sources of a configured job, and write its exports meanwhile.

    SIGTERM or Ctrl-C ends it after the pages at hand and a last export. What fails for
    now is asked again, ever less often; a source that needs its user ends, the others
    go on.
    """
    from miner.cli.stopping import stop_on_signals
    from miner.job import read_config, watch

    logs.set_up(log_format, log_level)
    with stop_on_signals() as stop:
        done = watch(read_config(config), stop=stop)
    finish(done, as_json=as_json)
