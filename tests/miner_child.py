"""The command line in a process of its own that is made in milliseconds, under limits."""

import os
import resource
import sys
from pathlib import Path

import miner.cli
import miner.cli.run
import miner.cli.watch
import miner.exporter
import miner.job
import tenacity
from miner.collector import retrying
from miner.post import Post
from miner.sources.bluesky import Bluesky
from miner.sources.protocol import Page, SystemClock

from collecting_child import LABELLER

# Loads the model, which then is in every process.
LABELLER.table(Page(posts=[Post("x", "1", 1, 1, "a", "whatsapp is down")]))
assert Bluesky


def run(words, log, env, *, user=None, most_bytes=None, jump=None):
    """Run ``miner`` with some words; what it says is added to the file ``log``.

    ``jump``: the clock is this many seconds wrong, from its 20th look on.
    """
    os.environ.update(env)
    # The waits themselves are tested elsewhere; here, that they are bounded in number.
    retrying._backoff = tenacity.wait_fixed(0.01)
    retrying._jitter = tenacity.wait_fixed(0.0)
    with Path(log).open("ab") as file:
        os.dup2(file.fileno(), 2)
        os.dup2(file.fileno(), 1)
    if jump is not None:
        SystemClock.now = jumping(SystemClock.now, jump)
    if most_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    if user is not None:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    sys.argv = ["miner", *words]
    miner.cli.main()


def jumping(now, seconds):
    looks = 0

    def wrong(self):
        nonlocal looks
        looks += 1
        return now(self) + (round(seconds * 1_000_000) if looks > 20 else 0)

    return wrong
