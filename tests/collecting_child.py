"""What the kill test kills: a process that collects until it has caught up."""

import os

from miner.collector import Labeller, Options, collect
from miner.lexicon import load_lexicon
from miner.sources.x import X


def load_all():
    """What takes long to load, once for all processes."""
    return Labeller(["whatsapp"], load_lexicon())


LABELLER = load_all()


def run(path, kind, url, since, options):
    budgets = {}
    if kind == "x":
        Source = X  # noqa: N806 - loaded before the fork
        os.environ["X_BEARER_TOKEN"] = "secret-of-the-test"
        budgets = {"x": int(options["budget"])} if "budget" in options else {}
    elif kind == "example":
        from example_source import Example as Source
    else:
        from miner.sources.bluesky import Bluesky as Source
    chosen = Options(
        since=since,
        catch_up=True,
        urls={kind: url},
        settings={kind: options},
        budgets=budgets,
        attempts=3,
    )
    (outcome,) = collect(path, [Source()], LABELLER, chosen)
    if outcome.error is not None:
        raise outcome.error
