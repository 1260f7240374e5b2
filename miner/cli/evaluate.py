"""``miner evaluate``."""

from __future__ import annotations

from typing import Any

import click

from miner.cli.shared import json_option, print_json, print_table, quiet_option


@click.command(
    epilog="""\b
Examples:
  miner evaluate mine.csv
  miner evaluate verdicts.csv --true-label verdict --json
  miner evaluate mine.csv --plot reliability.png
"""
)
@click.argument("table", metavar="FILE")
@click.option(
    "--true-label",
    default="label",
    show_default=True,
    metavar="COLUMN",
    help="Column of the true labels.",
)
@click.option(
    "--true-symptom",
    default="symptom",
    show_default=True,
    metavar="COLUMN",
    help="Column of the true symptoms, if there is one.",
)
@click.option("--model", metavar="FILE", help="A model of your own.")
@click.option("--plot", metavar="FILE", help="Draw a reliability diagram (.png, .svg or .pdf).")
@json_option
@quiet_option
def command(
    table: str,
    true_label: str,
    true_symptom: str,
    model: str | None,
    plot: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compare the model's labels with true ones.

    FILE is a table with the columns text and label (complaint, recovery, chatter,
    other), optionally symptom, lang, service, dataset, stratum. Prints precision,
    recall, F1 and average precision of complaints, recall of the other labels,
    calibration, each with a 95 % interval, the confusion matrix, slices, and the
    surest mistakes.
    """
    import pandas as pd

    from miner.classifier import label, load, shipped
    from miner.classifier.evaluation import evaluate
    from miner.errors import SchemaError
    from miner.exporter import check_writable
    from miner.sources.labelled import Skipped, read_parts

    check_writable(plot)
    chosen = shipped() if model is None else load(model)
    skipped = Skipped()
    truth = pd.concat(list(read_parts(table, "text", skipped)), ignore_index=True)
    if true_label not in truth.columns:
        raise SchemaError(
            f"{table}: no column {true_label!r} of true labels; its columns are: "
            f"{', '.join(truth.columns)}. Name it with --true-label."
        )
    renamed = truth.rename(columns={true_label: "true_label", true_symptom: "true_symptom"})
    labelled = label(renamed, chosen)
    labelled["symptom_if_complaint"] = chosen.predict_symptom(labelled["text"].tolist())
    result = evaluate(labelled)
    if plot is not None:
        from miner.plotter import plot_reliability, save_figure

        save_figure(plot_reliability(result["reliability"])[0], plot)
    if as_json:
        print_json(result)
        return
    _print(result, quiet=quiet)
    if skipped.reasons:
        click.echo(f"miner: warning: {skipped.summary(table)}", err=True)


def _print(result: dict[str, Any], *, quiet: bool) -> None:
    rows = []
    for name, value in result["figures"].items():
        low, high = result["intervals"][name] or (None, None)
        rows.append([name, value, low, high])
    print_table(["figure", "value", "95 % from", "to"], rows, title=f"{result['n']:,} posts")
    names = list(result["confusion"])
    confusion = [[name, *result["confusion"][name].values()] for name in names]
    print_table(["true \\ label", *names], confusion)
    columns = ["n", "mean_p", "share", "low", "high"]
    rows = [[row[name] for name in columns] for row in result["reliability"]]
    shown = ["posts", "probability", "complaints", "95 % from", "to"]
    print_table(shown, rows, title="how far probabilities can be trusted")
    for column, values in result["slices"].items():
        rows = [
            [name, s["n"], s["complaints"], s["precision"], s["recall"], s["f1"]]
            for name, s in values.items()
        ]
        if rows:
            print_table([column, "posts", "complaints", "precision", "recall", "f1"], rows)
    if not quiet:
        rows = [[e["true"], e["label"], e["p_complaint"], e["text"]] for e in result["errors"]]
        print_table(["true", "label", "p", "text"], rows, title="surest mistakes about complaints")
