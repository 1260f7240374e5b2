"""``miner doctor``."""

from __future__ import annotations

import click

from miner.cli.shared import db_option


@click.command(
    epilog="""\b
Examples:
  miner doctor --db outages.db
  miner doctor --db outages.db --thorough
  miner doctor --db outages.db --repair
"""
)
@db_option
@click.option("--thorough", is_flag=True, help="Compare every index with its table (slow).")
@click.option("--repair", "do_repair", is_flag=True, help="Make the counts anew from the posts.")
def command(db: str, thorough: bool, do_repair: bool) -> None:
    """Check a database and this installation, and say what to do about faults.

    A database of an older version is brought up to date. Leaves with exit code 6 where
    a fault remains.
    """
    import shutil
    from pathlib import Path

    from miner.collector import only_job
    from miner.errors import StoreError
    from miner.sources import registry
    from miner.store import Writer
    from miner.store.checking import Finding, check, repair

    if not Path(db).is_file():
        raise StoreError(f"{db}: no such database; `miner collect --db {db} …` makes one")
    with only_job(db), Writer.open(db) as writer:
        if do_repair:
            repair(writer)
        findings = check(writer, is_thorough=thorough)
    size = Path(db).stat().st_size
    free = shutil.disk_usage(Path(db).resolve().parent).free
    few = f"{free / 1e9:.1f} GB left; a full disk stops the collection" if free < size else None
    findings.append(Finding("space on the disk", few))
    known = registry.names()
    findings.append(
        Finding(f"sources: {', '.join(known) or 'none'}", None if known else "reinstall miner")
    )
    for finding in findings:
        click.echo(f"{'ok   ' if finding.fault is None else 'FAULT'} {finding.what}", nl=False)
        click.echo("" if finding.fault is None else f": {finding.fault}")
    if any(finding.fault is not None for finding in findings):
        raise click.exceptions.Exit(StoreError.exit_code)
