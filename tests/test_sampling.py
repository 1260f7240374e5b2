"""A budget: counts first, then a sample; what it says is true as often as it claims."""

import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from miner.collector import Labeller, Options, collect
from miner.errors import BudgetError, UsageError
from miner.lexicon import load_lexicon
from miner.sampler import Tally, choose, estimate, plan, tallies
from miner.sources.x import X
from miner.sources.x.prices import PRICES, price
from miner.store import Store, Writer
from miner.store.forgetting import forget_before
from miner.testing import FakeClock

from x_outage import MINUTE, Outage
from x_server import COUNTS, POST, RECENT_COUNTS, SEARCH, Fault, XServer

SECOND = 1_000_000
START = 1_790_000_000 * SECOND // MINUTE * MINUTE
DOLLAR = 1_000_000


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("X_BEARER_TOKEN", "secret-of-the-test")


def sample(path, outage, server, labeller, budget):
    """Collect on a budget; gives the outcome and the store."""
    clock = FakeClock(outage.end + 5 * MINUTE)
    return collect_on_budget(path, outage, server, labeller, budget, clock), Store(path)


def collect_on_budget(path, outage, server, labeller, budget, clock):
    options = Options(
        since=outage.start,
        urls={"x": server.url},
        budgets={"x": budget},
        keep_raw=False,
        attempts=4,
    )
    (outcome,) = collect(path, [X()], labeller, options, clock=clock)
    return outcome


def total(store):
    table = store.estimates()
    (row,) = table[table["is_total"]].to_dict("records")
    return row


def test_counts_come_first_then_draws_until_the_money_is_spent(tmp_path, labeller):
    outage = Outage(1, START, scale=0.3)
    with XServer(outage.posts) as server:
        outcome, store = sample(tmp_path / "o.db", outage, server, labeller, DOLLAR)

    (spend,) = store.status(START)["spend"]
    paths = [path for path, _ in server.requests]
    row = total(store)
    assert outcome.error is None
    assert paths[0] == RECENT_COUNTS
    assert set(paths[1:]) == {SEARCH}
    assert server.bill == spend["micros"] <= DOLLAR
    assert spend["micros"] > 0.9 * DOLLAR
    assert row["mentions"] == len(outage.posts)
    assert row["sampled"] == (server.bill - COUNTS) // POST
    assert row["complaints_low"] <= outage.truth(labeller) <= row["complaints_high"]
    assert store.watched().empty  # a sample is not all there was: no zeros in the series


def test_the_outage_shows_in_the_stretches_of_time(tmp_path, labeller):
    outage = Outage(2, START, scale=0.3)
    with XServer(outage.posts) as server:
        _, store = sample(tmp_path / "o.db", outage, server, labeller, 2 * DOLLAR)
    table = store.estimates()
    parts = table[~table["is_total"]]
    share = parts["complaints"] / parts["mentions"]
    middle = START + (outage.end - START) // 2
    during = (parts["start"].astype("int64") <= middle) & (middle < parts["end"].astype("int64"))

    assert parts["mentions"].sum() == len(outage.posts)
    assert parts["start"].is_monotonic_increasing
    assert share[during].iloc[0] > 0.4
    assert share.iloc[0] < 0.3


def test_more_money_than_posts_counts_everything_and_is_certain(tmp_path, labeller):
    outage = Outage(3, START, minutes=60, scale=0.1)
    with XServer(outage.posts) as server:
        _, store = sample(tmp_path / "o.db", outage, server, labeller, 100 * DOLLAR)
    row = total(store)

    assert row["sampled"] == len(outage.posts)
    assert row["complaints_low"] == row["complaints_high"] == outage.truth(labeller)
    assert server.bill == COUNTS + POST * len(outage.posts)


def test_too_little_money_to_count_asks_for_nothing(tmp_path, labeller):
    outage = Outage(3, START, minutes=60, scale=0.1)
    with XServer(outage.posts) as server:
        outcome, _ = sample(tmp_path / "o.db", outage, server, labeller, 4_000)

    assert isinstance(outcome.error, BudgetError)
    assert server.requests == []


def test_money_for_counts_alone_says_that_it_knows_nothing(tmp_path, labeller):
    outage = Outage(3, START, minutes=60, scale=0.1)
    with XServer(outage.posts) as server:
        outcome, store = sample(tmp_path / "o.db", outage, server, labeller, 5_000)
    row = total(store)

    assert outcome.error is None
    assert row["sampled"] == 0
    assert row["complaints_low"] == 0
    assert row["complaints_high"] == row["mentions"] == len(outage.posts)


@pytest.mark.parametrize("spoil", ["torn", "cut", ""])
def test_faults_cost_no_more_than_the_budget(tmp_path, labeller, spoil):
    outage = Outage(4, START, scale=0.2)
    with XServer(outage.posts) as server:
        bad = Fault(spoil=spoil) if spoil else Fault(503)
        server.faults = [*[Fault()] * 5, bad, *[Fault()] * 20, bad, bad]
        outcome, store = sample(tmp_path / "o.db", outage, server, labeller, DOLLAR)

    (spend,) = store.status(START)["spend"]
    assert outcome.error is None
    assert server.bill <= spend["micros"] <= DOLLAR
    assert total(store)["sampled"] > 50


def test_services_share_a_budget(tmp_path):
    both = Labeller(["whatsapp", "signal"], load_lexicon())
    outage = Outage(5, START, scale=0.3)
    with XServer(outage.posts) as server:
        _, store = sample(tmp_path / "o.db", outage, server, both, DOLLAR)
    table = store.estimates()
    totals = table[table["is_total"]].set_index("service")

    assert server.bill <= DOLLAR
    assert totals["mentions"].to_dict() == {"signal": 0, "whatsapp": len(outage.posts)}
    assert totals["complaints_high"]["signal"] == 0
    assert totals["sampled"]["whatsapp"] > 150  # what Signal did not need


def test_forgetting_what_is_old_takes_its_estimates_along(tmp_path, labeller):
    outage = Outage(6, START, scale=0.2)
    with XServer(outage.posts) as server:
        _, store = sample(tmp_path / "o.db", outage, server, labeller, DOLLAR)
    with Writer.open(store.path) as writer:
        forget_before(writer, outage.end + 60 * MINUTE)

    assert store.estimates().empty


def test_prices_are_a_table_that_settings_override():
    assert price("price_post", {}) == PRICES["price_post"] == 5_000
    assert price("price_post", {"price_post": "0.0042"}) == 4_200
    for wrong in ("cheap", "-1", "nan", "inf"):
        with pytest.raises(UsageError, match="price_post"):
            price("price_post", {"price_post": wrong})


def test_the_command_says_what_the_sample_says(tmp_path, labeller):
    import time

    now = time.time_ns() // 1000 // MINUTE * MINUTE
    outage = Outage(7, now - 70 * MINUTE, minutes=60, scale=0.2)
    db = str(tmp_path / "o.db")
    with XServer(outage.posts) as server:
        words = ["collect", "--source", "x", "--service", "whatsapp", "--db", db, "--url"]
        words += [server.url, "--since", "70m", "--budget", "0.5usd"]
        result = run_cli(*words)
        bill = server.bill
    exported = run_cli("export", "--db", db, "--estimates", "-o", "-")
    status = run_cli("status", "--db", db)

    assert result.returncode == 0, result.stderr
    assert "complaints (" in result.stderr
    assert bill <= 0.5 * DOLLAR
    assert exported.stdout.startswith("service,start,end,is_total,mentions")
    assert status.returncode == 0, status.stderr
    assert "estimated on a budget: x whatsapp to" in status.stdout


def run_cli(*words):
    return subprocess.run(
        [sys.executable, "-m", "miner", *words], check=False, capture_output=True, text=True
    )


class Crash(BaseException):
    """Stands for the end of the process: nothing tidies up after it."""


class CrashingClock(FakeClock):
    """A clock that ends everything when it is asked once too often."""

    def __init__(self, at, n_calls):
        super().__init__(at)
        self.n_left = n_calls

    def now(self):
        self.n_left -= 1
        if self.n_left == 0:
            raise Crash
        return self.at


def has_ended(store):
    """Whether the last run came to its end."""
    return any(run["ended_at"] is not None for run in store.status(START)["runs"])


@pytest.mark.parametrize("n_runs", [8, pytest.param(200, marks=pytest.mark.slow)])
def test_no_crash_makes_it_spend_more_than_its_budget(tmp_path, labeller, n_runs):
    n_crashes = n_estimates = 0
    for seed in range(n_runs):
        draw = random.Random(seed)
        budget = draw.choice([7_000, 150_000, 500_000, 1_200_000])
        outage = Outage(seed, START, minutes=120, scale=0.05)
        path = tmp_path / f"{seed}.db"
        with XServer(outage.posts) as server:
            faults = [Fault(), Fault(), Fault(503), Fault(spoil="torn"), Fault(spoil="cut")]
            server.faults = [draw.choice(faults) for _ in range(5)]
            for most in (*[40] * 6, 10**9):
                clock = CrashingClock(outage.end + 5 * MINUTE, draw.randint(2, most))
                try:
                    collect_on_budget(path, outage, server, labeller, budget, clock)
                except Crash:
                    n_crashes += 1
                    if has_ended(Store(path)):
                        break  # while it tidied up: the next run has a budget of its own
                else:
                    break
            bill = server.bill
        (spend,) = Store(path).status(START)["spend"]
        assert bill <= spend["micros"] <= budget, seed
        # Faults in a row, or little money, may have ended it before it has counted.
        if not Store(path).estimates().empty:
            n_estimates += 1
            assert total(Store(path))["mentions"] == len(outage.posts), seed
    assert n_estimates > n_runs / 2
    assert n_crashes > n_runs


@pytest.mark.parametrize(
    ("n_runs", "least"), [(10, 0.8), pytest.param(150, 0.93, marks=pytest.mark.slow)]
)
def test_the_interval_holds_the_truth_as_often_as_it_says(tmp_path, labeller, n_runs, least):
    n_held = 0
    for seed in range(n_runs):
        # Another outage at another time each: the order of draws depends on the time.
        outage = Outage(seed, START + seed * 7 * MINUTE, scale=0.25)
        with XServer(outage.posts) as server:
            _, store = sample(tmp_path / f"{seed}.db", outage, server, labeller, DOLLAR)
        row = total(store)
        n_held += row["complaints_low"] <= outage.truth(labeller) <= row["complaints_high"]

    assert n_held / n_runs >= least


# The arithmetic.

counts = st.lists(st.integers(0, 400), min_size=1, max_size=90)


@given(counts, st.integers(0, 5_000))
def test_strata_cover_every_mention_once_with_windows_of_whole_seconds(numbers, n_posts):
    minutes = [(START + n * MINUTE, number) for n, number in enumerate(numbers)]
    strata = plan(minutes, n_posts)

    assert sum(stratum.mentions for stratum in strata) == sum(numbers)
    windows = [window for stratum in strata for window in stratum.windows]
    assert all(start < end and start % SECOND == end % SECOND == 0 for start, end in windows)
    assert windows == sorted(set(windows))
    for stratum in strata:
        assert sorted(stratum.order()) == list(range(len(stratum.windows)))


@given(counts, st.integers(0, 2_000), st.integers(0, 2**30))
def test_draws_never_repeat_and_end_with_everything_known(numbers, n_posts, seed):
    draw = random.Random(seed)
    minutes = [(START + n * MINUTE, number % 40) for n, number in enumerate(numbers)]
    strata = plan(minutes, n_posts)
    drawn = {}
    while (chosen := choose(strata, tallies(strata, drawn), drawn)) is not None:
        window, expected = chosen
        assert window not in drawn
        posts = round(expected)
        drawn[window] = (posts, draw.randint(0, posts))
    rows, whole = estimate(tallies(strata, drawn))

    assert len(drawn) == sum(len(stratum.windows) for stratum in strata)
    for row in rows:
        assert row.low <= row.complaints <= row.high
        assert row.low == row.high
    assert (whole is None) == (not strata)


def test_money_goes_where_the_answer_is_open():
    minutes = [(START + n * MINUTE, 100) for n in range(4)]
    strata = plan(minutes, 160)
    assert len(strata) == 4
    drawn = {}
    for number, stratum in enumerate(strata):
        for place in stratum.order()[:4]:
            drawn[stratum.windows[place]] = (5, 5 * (number == 1) // 2)
    chosen = choose(strata, tallies(strata, drawn), drawn)

    assert chosen[0] in strata[1].windows


def test_a_sample_of_complaints_alone_is_not_certain():
    (row,), whole = estimate([Tally(0, 1, 1_000, 200, ((5, 5), (5, 5), (5, 5)))])

    assert row.complaints == 1_000
    assert row.low < 900
    assert whole.low < 950
