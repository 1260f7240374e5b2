"""``miner explain``."""

from __future__ import annotations

import click

from miner.cli.shared import json_option, print_json, print_table


@click.command(
    epilog="""\b
Examples:
  miner explain "my messages won't send on whatsapp"
  miner explain "everyone is on twitter because whatsapp is down lol" --top 20
  miner explain "no internet since 5" --json
"""
)
@click.argument("text")
@click.option("--top", default=12, show_default=True, help="How many words to show.")
@click.option("--model", metavar="FILE", help="A model of your own.")
@json_option
def command(text: str, top: int, model: str | None, as_json: bool) -> None:
    """Show why a text gets its label: the words that decided.

    Weights say how much a word, a pair of words or a piece of a word ("_down": a word
    that begins so) adds to the score of a complaint over that of the likeliest other
    label. Names of services, links, handles and digits are masked: the model must not
    know them.
    """
    from dataclasses import asdict

    from miner.classifier import load, shipped
    from miner.classifier.explaining import explain

    found = explain(text, shipped() if model is None else load(model))
    if as_json:
        print_json(asdict(found))
        return
    shares = ", ".join(f"{name} {value:.3f}" for name, value in found.proba.items())
    click.echo(f"label: {found.label} ({shares})")
    click.echo(f"symptom, if a complaint: {found.symptom}")
    rows = [
        [word, weight, "complaint" if weight > 0 else found.rival]
        for word, weight in found.words[:top]
    ]
    print_table(["what", "weight", "speaks for"], rows)
