"""What the kill test kills: a process that collects until it has caught up."""

import os

from miner.collector import Labeller, Options, collect
from miner.lexicon import load_lexicon
from miner.sources.bluesky import Bluesky
from miner.sources.mastodon import Mastodon
from miner.sources.reddit import Reddit
from miner.sources.x import X

from example_source import Example
from mastodon_server import TOKEN
from reddit_server import ID, SECRET

SOURCES = {"example": Example, "bluesky": Bluesky, "mastodon": Mastodon, "reddit": Reddit, "x": X}
KEYS = {
    "MASTODON_ACCESS_TOKEN": TOKEN,
    "REDDIT_CLIENT_ID": ID,
    "REDDIT_CLIENT_SECRET": SECRET,
    "X_BEARER_TOKEN": "secret-of-the-test",
}


def load_all():
    """What takes long to load, once for all processes."""
    return Labeller(["whatsapp"], load_lexicon())


LABELLER = load_all()


def run(path, kind, url, since, options):
    os.environ.update(KEYS)
    budgets = {"x": int(options["budget"])} if "budget" in options else {}
    chosen = Options(
        since=since,
        catch_up=True,
        urls={kind: url},
        settings={kind: options},
        budgets=budgets,
        attempts=3,
    )
    (outcome,) = collect(path, [SOURCES[kind]()], LABELLER, chosen)
    if outcome.error is not None:
        raise outcome.error
