"""How the interval of an estimate shrinks with money, on a simulated outage on X.

    python benchmarks/budget.py [RUNS] [SCALE]

An outage of six hours is replayed through the X server of the tests, at each budget
RUNS times; prints what was spent, the half width of the 95 % interval in per cent of
the true number of complaints, the error, and how often the interval held the truth,
against the cost of fetching every post.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from miner.collector import Labeller, Options, collect
from miner.lexicon import load_lexicon
from miner.sources.x import X
from miner.store import Store
from miner.testing import FakeClock

from x_outage import MINUTE, Outage
from x_server import COUNTS, POST, XServer

START = 1_790_000_000 * 1_000_000 // MINUTE * MINUTE
BUDGETS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
DOLLAR = 1_000_000


def once(seed: int, scale: float, budget: int, labeller: Labeller) -> tuple[float, ...]:
    """Money spent, half width and error in shares of the truth, whether it held, requests."""
    outage = Outage(seed, START + seed * 7 * MINUTE, scale=scale)
    truth = outage.truth(labeller)
    with tempfile.TemporaryDirectory() as folder, XServer(outage.posts) as server:
        path = Path(folder) / "outages.db"
        options = Options(
            since=outage.start,
            urls={"x": server.url},
            settings={"x": {}},
            budgets={"x": budget},
            keep_raw=False,
        )
        clock = FakeClock(outage.end + 5 * MINUTE)
        (outcome,) = collect(path, [X()], labeller, options, clock=clock)
        if outcome.error is not None:
            raise outcome.error
        table = Store(path).estimates()
        n_requests, bill = len(server.requests), server.bill
    row = table[table["is_total"]].iloc[0]
    low, high = row["complaints_low"], row["complaints_high"]
    error = abs(row["complaints"] - truth) / truth
    return bill / DOLLAR, (high - low) / 2 / truth, error, float(low <= truth <= high), n_requests


def main() -> None:
    """Run and report."""
    n_runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    scale = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    os.environ["X_BEARER_TOKEN"] = XServer().token
    labeller = Labeller(["whatsapp"], load_lexicon())
    first = Outage(0, START, scale=scale)
    everything = (COUNTS + POST * len(first.posts)) / DOLLAR
    print(f"{len(first.posts):,} mentions, {first.truth(labeller):,} complaints; ", end="")
    print(f"fetching everything costs {everything:.2f} USD")
    print("budget    spent  half width  mean error  held the truth  requests  seconds")
    for budget in BUDGETS:
        began = time.monotonic()
        runs = [once(seed, scale, round(budget * DOLLAR), labeller) for seed in range(n_runs)]
        spent, half, error, held, asked = (
            statistics.mean(column) for column in zip(*runs, strict=False)
        )
        seconds = (time.monotonic() - began) / n_runs
        print(
            f"{budget:6.2f}  {spent:7.3f}  {half:9.1%}  {error:10.1%}  {held:14.0%}"
            f"  {asked:8.0f}  {seconds:7.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
