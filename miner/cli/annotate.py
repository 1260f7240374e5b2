"""``miner annotate``: posts on the screen, keys from the keyboard."""

from __future__ import annotations

import contextlib
import sys
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from miner.cli.shared import progress

if TYPE_CHECKING:
    import pandas as pd

    from miner.annotator import Asked, Session, Suggestion

LABEL_KEYS: Final = {"c": "complaint", "r": "recovery", "h": "chatter", "o": "other"}
_SYMPTOMS: Final = (
    "d down  c connect  g login  s send  r receive  l load  w slow  x crash\n"
    "a call  p pay  f feature"
)
SYMPTOM_KEYS: Final = dict(zip(_SYMPTOMS.split()[::2], _SYMPTOMS.split()[1::2], strict=True))
_ENTER: Final = ("\r", "\n")
_QUIT: Final = ("q", "\x03", "\x04")
#: More of a post is not shown.
_LONGEST: Final = 4_000

_KEYS: Final = "c complaint  r recovery  h chatter  o other  s skip  u undo  ? help  q quit"
_GUIDE: Final = """
Judge the text alone, as a careful stranger would.
  c complaint  something that should work does not, now, for the author or people
               around them; also questions, sarcasm, slow or partial trouble
  r recovery   it works again, or is being restored
  h chatter    about an outage, but not the author's own present trouble: news, jokes,
               opinions, past or planned outages, "mine works fine"
  o other      everything else: other senses of the words, prices, accounts, thanks
Torn between c and h: is this author affected now? Probably yes: complaint.
Torn between c and o: does something that should function not function?
  Enter takes the suggestion, s skips until another time, u goes back one post and takes
  its verdict back, q (also Ctrl-C, Ctrl-D) ends; everything is on disk already.
"""


@click.command(
    epilog="""\b
Examples:
  miner annotate posts.csv -o labels.csv
  miner annotate posts.csv -o labels.csv --blind --limit 100
  miner annotate labelled.csv -o checked.csv --service whatsapp --order random
"""
)
@click.argument("table", metavar="IN")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    help="CSV file of verdicts; with one begun before, goes on where it stopped.",
)
@click.option("--model", metavar="FILE", help="A model of your own.")
@click.option(
    "--order",
    type=click.Choice(["informative", "file", "random"]),
    default="informative",
    show_default=True,
    help="Which posts come first.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of what is drawn at random.")
@click.option("--service", metavar="NAME", help="Only posts with this in the column service.")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Stop after so many verdicts."
)
@click.option("--blind", is_flag=True, help="Do not show what the model suggests.")
def command(
    table: str,
    output: str,
    model: str | None,
    order: str,
    seed: int,
    service: str | None,
    limit: int | None,
    blind: bool,
) -> None:
    """Label your own posts, one at a time, a key each.

    IN is CSV, JSON lines or Parquet with a column "text". The keys are c complaint
    (then one for the symptom), r recovery, h chatter, o other, Enter for what the
    model suggests, s skip, u undo, ? help, q quit.

    Each verdict is on disk before the next post is shown; starting again with the same
    output goes on where it stopped. Of posts with the same text one is asked. The output
    has all columns of IN (but for its own label, symptom, drawn and annotated_at), then
    label, symptom, drawn, annotated_at, and is ready for miner evaluate and miner train.

    In the order "informative" the posts the model is least sure about come first, copies
    apart, and every fifth is drawn at random, from a fifth of all posts set aside for
    that: the rows with drawn=random are a fair sample of IN to evaluate on, as long as
    --seed stays the same and nothing is skipped.

    Where standard input is no terminal, each of its characters is a key (a line break is
    Enter), and its end is q.
    """
    from miner.annotator import Session, Verdicts
    from miner.classifier import load, shipped
    from miner.exporter import check_writable

    check_writable(output)
    _check_apart(table, output)
    chosen = shipped() if model is None else load(model)
    with progress("reading and scoring", quiet=False) as line:
        line.update(table)
        posts = _posts(table, service)
        verdicts = Verdicts(output, posts.columns.tolist())
        session = Session(posts, verdicts, chosen, order=order, seed=seed, limit=limit)
    if verdicts.torn:
        click.echo(f"miner: warning: {output}: took out its last row, cut off by a crash", err=True)
    if not session.is_fair:
        click.echo(
            f"miner: warning: {output}: its rows with drawn=random are no fair sample: it was "
            "begun with another --seed, or some posts were asked for another reason",
            err=True,
        )
    with contextlib.suppress(KeyboardInterrupt, EOFError):
        _ask(session, _keys(), blind=blind)
    click.echo(f"\n{session.summary()}")


def _check_apart(table: str, output: str) -> None:
    """Refuse posts from standard input, where keys come from, and an output over the posts."""
    from pathlib import Path

    from miner.errors import UsageError

    if table == "-":
        raise UsageError("standard input gives the keys here; name a file of posts")
    if Path(output).exists() and Path(table).exists() and Path(output).samefile(table):
        raise UsageError(f"-o {output}: is the table of posts itself; name another file")


def _posts(table: str, service: str | None) -> pd.DataFrame:
    """The posts, without columns that the verdicts have; says so, and what was skipped."""
    from miner.annotator import ADDED, read_posts
    from miner.sources.labelled import Skipped

    skipped = Skipped()
    posts = read_posts(table, skipped, service)
    if skipped.reasons:
        click.echo(f"miner: warning: {skipped.summary(table)}", err=True)
    old = [name for name in ADDED if name in posts.columns]
    if old:
        click.echo(f"miner: warning: {table}: leaving out its own {', '.join(old)}", err=True)
    return posts.drop(columns=old)


def _keys() -> Iterator[str]:
    """Keys as they are pressed, until one that quits; from a pipe, its characters."""
    is_terminal = sys.stdin.isatty()
    while pressed := click.getchar() if is_terminal else sys.stdin.read(1):
        # Arrows and other such keys are several characters, of which none is meant.
        for key in pressed.lower() if not pressed.startswith(("\x1b", "\xe0")) else "\x1b":
            if key in _QUIT:
                return
            yield key


def _ask(session: Session, keys: Iterator[str], *, blind: bool) -> None:
    """Show posts and take verdicts until there is none left, or a key quits."""
    while session.post is not None or session.can_undo:
        if session.post is None:
            click.echo("\nAll done. u takes the last verdict back, any other key ends.")
            if next(keys, None) != "u":
                return
            session.undo()
            continue
        guess = None if blind else session.suggest()
        _show(session.post, session.n_left, guess)
        if not _answer(session, keys, guess):
            return


def _answer(session: Session, keys: Iterator[str], guess: Suggestion | None) -> bool:
    """Take keys until the post is done with; False when there are no more."""
    for key in keys:
        if key == "s":
            session.skip()
            return True
        if key == "u" and session.undo():
            click.echo("back")
            return True
        verdict = _verdict(key, keys, guess)
        if verdict is not None:
            session.give(*verdict)
            click.echo("→ " + ", ".join(filter(None, verdict)))
            return True
        click.echo({"?": _GUIDE, "u": "nothing to undo"}.get(key, _KEYS))
    return False


def _verdict(key: str, keys: Iterator[str], guess: Suggestion | None) -> tuple[str, str] | None:
    """Label and symptom that a key stands for, asking for the symptom; None if for none."""
    if key in _ENTER and guess is not None:
        return guess.label, guess.symptom if guess.label == "complaint" else ""
    label = LABEL_KEYS.get(key)
    if label != "complaint":
        return None if label is None else (label, "")
    symptom = _symptom(keys, guess)
    return None if symptom is None else (label, symptom)


def _symptom(keys: Iterator[str], guess: Suggestion | None) -> str | None:
    """Symptom of a complaint; None to choose the label again."""
    suggested = f"Enter {guess.symptom}  " if guess else ""
    click.echo(f"symptom? {suggested}u back\n{_SYMPTOMS}")
    for key in keys:
        if key in SYMPTOM_KEYS:
            return SYMPTOM_KEYS[key]
        if key in _ENTER and guess is not None:
            return guess.symptom
        if key == "u":
            return None
    return None


def _show(post: Asked, n_left: int, guess: Suggestion | None) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    known = [post.cells.get(name, "") for name in ("service", "lang", "created_at")]
    about = [" ".join(printable(value).split())[:60] for value in known if value]
    click.secho("\n" + " · ".join([f"{n_left:,} left", *about]), bold=True)
    text = printable(post.cells["text"])
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}… ({len(text) - _LONGEST:,} more characters)"
    # Text, not markup: what comes from posts must not style the terminal.
    Console(highlight=False).print(Padding(Text(text), (0, 2), expand=False))
    if guess is not None:
        symptom = f", {guess.symptom}" if guess.label == "complaint" else ""
        click.echo(f"Enter {guess.label}{symptom} ({guess.p:.0%})")
    click.secho(_KEYS, dim=True)


def printable(text: str) -> str:
    """Text that cannot drive a terminal: only line breaks and what has a shape are left."""
    return "".join(map(_printable, text.replace("\r\n", "\n").replace("\t", " ")))


def _printable(character: str) -> str:
    category = unicodedata.category(character)
    if character in "\n\u200c\u200d" or category[0] not in "CZ":  # joiners shape emoji and words
        return character
    if category in {"Cc", "Cs"}:
        return "\ufffd"
    return {"Zl": "\n", "Zp": "\n", "Cf": ""}.get(category, character)
