"""``miner train``."""

from __future__ import annotations

import click

from miner.cli.shared import print_table, quiet_option


@click.command(
    epilog="""\b
Examples:
  miner train --labels mine.csv -o my-model.npz
  miner train --labels mine.csv --replace --no-check -o my-model.npz
  miner label posts.csv --model my-model.npz -o labelled.csv
"""
)
@click.option(
    "--labels",
    required=True,
    metavar="FILE",
    help="Your labels: text and label, optionally symptom, service, lang (see miner annotate).",
)
@click.option("-o", "--output", required=True, metavar="FILE", help="The model to write (.npz).")
@click.option(
    "--replace", is_flag=True, help="Train on your labels alone, without the shipped corpus."
)
@click.option(
    "--check/--no-check",
    default=True,
    show_default=True,
    help="Cross-validate on your labels before and after (takes minutes).",
)
@quiet_option
def command(labels: str, output: str, replace: bool, check: bool, quiet: bool) -> None:
    """Train a model with your own labels.

    Your labels are added to the shipped corpus (or replace it). The check shows how well
    the shipped model does on your labels, and how well one does that was trained with
    the rest of them: your posts are cut into three parts by service and text, and each
    part is labelled by a model that has not seen it.
    """
    import pandas as pd

    from miner.classifier import OutageClassifier, save
    from miner.classifier.corpus import fingerprint, own_labels, read_corpus
    from miner.classifier.validation import before_and_after
    from miner.errors import InputError
    from miner.exporter import check_writable
    from miner.sources.labelled import Skipped, read_parts

    check_writable(output)
    skipped = Skipped()
    table = pd.concat(list(read_parts(labels, "text", skipped)), ignore_index=True)
    own = own_labels(table, labels)
    if own["label"].nunique() < 2:
        raise InputError(f"{labels}: holds fewer than two different labels; label more posts")
    corpus = None if replace else read_corpus()
    if check and not quiet:
        columns, rows = before_and_after(own, corpus)
        print_table(columns, rows, title=f"your {len(own):,} labels")
    whole = own if corpus is None else pd.concat([corpus, own], ignore_index=True)
    model = OutageClassifier().fit(
        whole["text"].tolist(), whole["label"].tolist(), whole["symptom"].tolist()
    )
    card = {"trained_on": {"posts": len(whole), "own": len(own), "sha256": fingerprint(whole)}}
    save(model.fitted, output, card)
    if skipped.reasons:
        click.echo(f"miner: warning: {skipped.summary(labels)}", err=True)
    if not quiet:
        click.echo(
            f"trained on {len(whole):,} posts, {len(own):,} of them yours: {output}", err=True
        )
