"""``miner label``."""

from __future__ import annotations

import click

from miner.cli.shared import output_option, progress, purpose_option, quiet_option


@click.command(
    epilog="""\b
Examples:
  miner label posts.csv -o labelled.csv
  miner label posts.csv --purpose precise -o sure.csv
  cat posts.csv | miner label - -o - > labelled.csv
"""
)
@click.argument("table", metavar="IN")
@output_option
@click.option("--model", metavar="FILE", help="A model of your own.")
@purpose_option
@click.option(
    "--spreadsheet",
    is_flag=True,
    help="Make the output safe to open in a spreadsheet: no text can run as a formula.",
)
@quiet_option
def command(
    table: str, output: str, model: str | None, purpose: str, spreadsheet: bool, quiet: bool
) -> None:
    """Label every row of a table that has a column "text".

    IN is CSV, JSON lines or Parquet (compressed or not), "-" for standard input. All
    columns are kept in order; label (complaint, recovery, chatter, other),
    p_complaint and symptom are added. Nothing is matched: each row is labelled as it
    stands.
    """
    from collections import Counter
    from collections.abc import Iterator

    import pandas as pd

    from miner.classifier import label, load
    from miner.exporter import check_writable, write_parts
    from miner.sources.labelled import Skipped, read_parts

    check_writable(output)
    chosen = None if model is None else load(model)
    skipped = Skipped()
    labels: Counter[str] = Counter()
    with progress("labelling", quiet=quiet) as line:

        def labelled() -> Iterator[pd.DataFrame]:
            for number, part in enumerate(read_parts(table, "text", skipped)):
                old = [name for name in ("label", "p_complaint", "symptom") if name in part.columns]
                if number == 0 and old:
                    click.echo(f"miner: warning: {table}: overwriting {', '.join(old)}", err=True)
                result = label(part, chosen, purpose=purpose)
                labels.update(result["label"].tolist())
                line.update(f"{labels.total():,} rows")
                yield result.assign(p_complaint=result["p_complaint"].round(6))

        written = write_parts(labelled(), output, spreadsheet=spreadsheet)
    if skipped.reasons:
        click.echo(f"miner: warning: {skipped.summary(table)}", err=True)
    if not quiet:
        found = ", ".join(f"{n:,} {name}" for name, n in sorted(labels.items()))
        click.echo(f"labelled {written:,} rows: {found}", err=True)
