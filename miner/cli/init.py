"""``miner init``."""

from __future__ import annotations

import click


@click.command(
    epilog="""\b
Examples:
  miner init
  miner init office.toml --service teams --service zoom
"""
)
@click.argument("file", default="miner.toml", metavar="[FILE]")
@click.option("--service", "services", multiple=True, metavar="NAME", help="What; repeatable.")
def command(file: str, services: tuple[str, ...]) -> None:
    """Write a commented configuration for `miner run` and `miner watch`.

    FILE is miner.toml by default. A file that exists stays as it is.
    """
    from pathlib import Path

    from miner.job.writing import write_template
    from miner.lexicon import load_lexicon

    lexicon = load_lexicon()
    write_template(Path(file), [lexicon.resolve(name).id for name in services])
    click.echo(f"wrote {file}; look through it, then: miner run --config {file}", err=True)
