"""Killed at any moment and run again: nothing lost, nothing doubled, intervals exact."""

import random
import time

import pytest
from miner.store import Store, Writer
from miner.store.checking import check

from jetstream_server import T0, JetstreamServer, made_events, post_event
from mastodon_server import TOKEN, MastodonServer
from newest_first_server import NewestFirstServer
from reddit_server import RedditServer
from x_outage import Outage
from x_server import XServer, a_post

SECOND = 1_000_000
#: Kills in a run; after them it is left to end.
MOST_KILLS = 5


def collect_killed(processes, seed, path, *arguments):
    """Collect to the end, killed at random moments; returns how often it was."""
    from collecting_child import run

    moments = random.Random(seed)
    n_kills = 0
    while True:
        child = processes.Process(target=run, args=(str(path), *arguments))
        child.start()
        child.join(moments.uniform(0.02, 0.5) if n_kills < MOST_KILLS else 60)
        if child.exitcode is None:
            child.kill()
            child.join()
            n_kills += 1
        else:
            assert child.exitcode == 0
            return n_kills


def is_whole(path):
    with Writer.open(path) as writer:
        return not [finding for finding in check(writer) if finding.fault is not None]


def runs(fast, slow):
    return [*range(fast), *(pytest.param(n, marks=pytest.mark.slow) for n in range(fast, slow))]


@pytest.mark.parametrize("seed", runs(2, 50))
@pytest.mark.parametrize("wire", ["v1", "v2"])
def test_a_stream(seed, wire, processes, tmp_path):
    events = list(made_events(240))
    # The end is told by an event that is not older than the question.
    soon = time.time_ns() // 1000 + 600 * SECOND
    events.append(post_event(soon, 240, "whatsapp is down again 240"))
    path = tmp_path / "outages.db"
    options = {"wire": wire, "idle": "20", "page": "0.05", "compress": "off"}
    with JetstreamServer(events, delay=0.002) as server:
        n_kills = collect_killed(processes, seed, path, "bluesky", server.url, None, options)
    store = Store(path)

    expected = {f"whatsapp is down again {n}" for n in range(0, 241, 2)}
    posts = store.posts()
    assert sorted(posts["text"]) == sorted(expected)
    (watched,) = store.watched().to_dict("records")
    assert watched["start"].value // 1000 == T0
    assert watched["end"].value // 1000 == events[-1]["time_us"] + 1
    assert store.gaps().empty
    assert store.series("whatsapp", "1h")["mentions"].sum() == 121
    assert is_whole(path)
    assert n_kills <= MOST_KILLS


@pytest.mark.parametrize("seed", runs(2, 100))
def test_newest_first_in_time_slices(seed, processes, tmp_path):
    path = tmp_path / "outages.db"
    since = (time.time_ns() // 1000) - 3 * 3600 * SECOND
    times = [since + n * 60 * SECOND for n in range(170)]
    posts = [(at, f"whatsapp is down {n}") for n, at in enumerate(times)]
    with NewestFirstServer(posts, size=3, delay=0.004) as server:
        n_kills = collect_killed(processes, seed, path, "example", server.url, since, {})
    store = Store(path)

    assert sorted(store.posts()["text"]) == sorted(text for _, text in posts)
    (watched,) = store.watched().to_dict("records")
    assert watched["start"].value // 1000 == since
    assert watched["end"].value // 1000 > times[-1]
    assert is_whole(path)
    assert n_kills <= MOST_KILLS


@pytest.mark.parametrize("seed", runs(1, 25))
@pytest.mark.parametrize("ask", ["tags", "public", "search", "tags,search"])
def test_mastodon(ask, seed, processes, tmp_path):
    """Backwards from now at first, then forwards by ids; a search always backwards."""
    path = tmp_path / "outages.db"
    since, times, texts = some_posts(100)
    tags = {"tags.whatsapp": "whatsapp whatsappdown wpp zapzap whatsappweb", "ask": ask}
    with MastodonServer(token=TOKEN, size=4, delay=0.004) as server:
        for at, text in zip(times, texts, strict=True):
            server.add(at, text, tag=("whatsapp", "whatsappweb")[at % 2])
        collect_killed(processes, seed, path, "mastodon", server.url, since, tags)
        more = [
            server.add(time.time_ns() // 1000 - n * SECOND, f"whatsapp is down {n}")
            for n in range(100, 130)
        ]
        n_kills = collect_killed(processes, seed, path, "mastodon", server.url, since, tags)

    texts += [f"whatsapp is down {n}" for n in range(100, 100 + len(more))]
    assert_whole(path, texts, since, times[-1], n_kills)


@pytest.mark.parametrize("seed", runs(2, 50))
@pytest.mark.parametrize("ask", ["search", "new"])
def test_reddit(ask, seed, processes, tmp_path):
    """The newest first, a whole listing or nothing."""
    path = tmp_path / "outages.db"
    since, times, texts = some_posts(100)
    settings = {"subreddits": "help", "ask": ask}
    with RedditServer(size=5, delay=0.004) as server:
        server.submit(since // SECOND - 3_600, "whatsapp was down before")  # the listing goes on
        for at, text in zip(times, texts, strict=True):
            server.submit(at // SECOND, text)
        collect_killed(processes, seed, path, "reddit", server.url, since, settings)
        for n in range(100, 130):
            server.submit(time.time_ns() // 1000 // SECOND - n, f"whatsapp is down {n}")
        n_kills = collect_killed(processes, seed, path, "reddit", server.url, since, settings)

    texts += [f"whatsapp is down {n}" for n in range(100, 130)]
    assert_whole(path, texts, since, times[-1], n_kills)


def some_posts(number):
    """A beginning three hours ago, times from then on, and texts of posts."""
    since = time.time_ns() // 1000 - 3 * 3600 * SECOND
    times = [since + (n + 1) * 60 * SECOND + n for n in range(number)]
    return since, times, [f"whatsapp is down {n}" for n in range(number)]


def assert_whole(path, texts, since, last, n_kills):
    store = Store(path)
    assert sorted(text.split(" #")[0] for text in store.posts()["text"]) == sorted(texts)
    (watched,) = store.watched().to_dict("records")
    assert watched["start"].value // 1000 == since
    assert watched["end"].value // 1000 > last
    assert store.gaps().empty
    assert store.series("whatsapp", "1h")["mentions"].sum() == len(texts)
    assert is_whole(path)
    assert n_kills <= MOST_KILLS


@pytest.mark.parametrize("seed", runs(2, 100))
def test_x_newest_first_in_time_slices(seed, processes, tmp_path):
    path = tmp_path / "outages.db"
    since = (time.time_ns() // 1000) // SECOND * SECOND - 3 * 3600 * SECOND
    times = [since + n * 60 * SECOND for n in range(170)]
    posts = [a_post(at, f"whatsapp is down {n}", n) for n, at in enumerate(times)]
    with XServer(posts, size=7, delay=0.004) as server:
        n_kills = collect_killed(
            processes, seed, path, "x", server.url, since, {"queries": "2", "slice": "30"}
        )
    store = Store(path)

    assert sorted(store.posts()["text"]) == sorted(post["text"] for post in posts)
    (watched,) = store.watched().to_dict("records")
    assert watched["start"].value // 1000 == since
    assert watched["end"].value // 1000 > times[-1]
    assert is_whole(path)
    assert n_kills <= MOST_KILLS


@pytest.mark.parametrize("seed", runs(2, 50))
def test_a_budget_is_never_exceeded_and_the_sample_goes_on(seed, processes, tmp_path):
    path = tmp_path / "outages.db"
    now = (time.time_ns() // 1000) // (60 * SECOND) * 60 * SECOND
    budget = random.Random(seed).choice([60_000, 120_000, 199_999, 350_000])
    outage = Outage(seed, now - 130 * 60 * SECOND, minutes=120, scale=0.05)
    with XServer(outage.posts, delay=0.002) as server:
        collect_killed(
            processes, seed, path, "x", server.url, outage.start, {"budget": str(budget)}
        )
        bill = server.bill
    store = Store(path)

    (spend,) = store.status(now)["spend"]
    assert bill <= spend["micros"] <= budget
    totals = store.estimates()[store.estimates()["is_total"]]
    assert totals["mentions"].iloc[0] == len(outage.posts)
    assert totals["sampled"].sum() * 5_000 <= budget
    assert is_whole(path)
