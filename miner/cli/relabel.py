"""``miner relabel``."""

from __future__ import annotations

import click

from miner.cli.shared import db_option, progress, purpose_option, quiet_option


@click.command(
    epilog="""\b
Examples:
  miner relabel --db outages.db
  miner relabel --db outages.db --model my-model.npz
"""
)
@db_option
@click.option("--model", metavar="FILE", help="A model of your own.")
@purpose_option
@quiet_option
def command(db: str, model: str | None, purpose: str, quiet: bool) -> None:
    """Label the posts of a database again after a new model.

    Posts that the model has labelled already are left alone, so an interrupted
    relabelling goes on where it ended. The series follows.
    """
    from pathlib import Path

    from miner.classifier import load, version_of
    from miner.collector import only_job
    from miner.errors import StoreError
    from miner.store import Writer
    from miner.store.relabelling import relabel

    version = version_of(model) + ("" if purpose == "balanced" else f" {purpose}")
    chosen = None if model is None else load(model)
    if not Path(db).is_file():
        raise StoreError(f"{db}: no such database")
    with only_job(db), Writer.open(db) as writer, progress("relabelling", quiet=quiet) as line:
        done, changed = relabel(
            writer,
            chosen,
            version,
            purpose=purpose,
            progress=lambda number: line.update(f"{number:,} labels"),
        )
    if not quiet:
        click.echo(f"labelled {done:,} again with {version}: {changed:,} changed", err=True)
