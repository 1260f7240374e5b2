"""Reddit: searches, subreddits, edits, removals, limits, tokens; over real sockets."""

import json
import time

import pytest
from miner.collector import Options, collect
from miner.errors import RefusedError, UnavailableError, UsageError
from miner.formats import FORMATS, Skip
from miner.sources.protocol import Pull
from miner.sources.reddit import Reddit
from miner.store import Store
from miner.testing import FakeClock, check_source

from mastodon_server import Answer
from reddit_server import ID, SECRET, RedditServer, answer

SECOND = 1_000_000
NOW = 1_779_719_009_000_000
HERE = NOW // SECOND
SINCE = NOW - 7_200 * SECOND


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    monkeypatch.setenv("REDDIT_CLIENT_ID", ID)
    monkeypatch.setenv("REDDIT_CLIENT_SECRET", SECRET)


@pytest.fixture
def server():
    with RedditServer(size=5) as server:
        yield server


@pytest.fixture
def run(tmp_path, labeller, clock, server):
    """Collects until caught up, and gives the outcome and the store."""

    def collect_all(attempts=3, since=SINCE, **settings):
        options = Options(
            since=since,
            catch_up=True,
            urls={"reddit": server.url},
            settings={"reddit": {"subreddits": "help,r/tech", **settings}},
            attempts=attempts,
        )
        path = tmp_path / "outages.db"
        (outcome,) = collect(path, [Reddit()], labeller, options, clock=clock)
        return outcome, Store(path)

    return collect_all


def fill(server, number=12, *, first=0):
    """Submissions and comments in turn, one every five minutes."""
    names = []
    for n in range(first, first + number):
        write = server.comment if n % 2 else server.submit
        names.append(write(HERE - 7_000 + n * 300, f"whatsapp is down {n}"))
    return names


def numbers(store):
    return sorted(int(text.split("down ")[1]) for text in store.posts()["text"])


def spans(store):
    table = store.watched("whatsapp")
    return [
        (a.value // 1000, b.value // 1000)
        for a, b in zip(table["start"], table["end"], strict=True)
    ]


@pytest.mark.parametrize("ask", ["search", "new", "comments", "search,new,comments"])
def test_the_contract_of_a_source_holds(ask, server):
    fill(server)
    options = {"subreddits": "help", "ask": ask}
    pull = Pull(
        ("signal", "whatsapp"), since=SINCE, url=server.url, clock=FakeClock(NOW), options=options
    )
    check_source(Reddit, pull)


def test_searches_and_subreddits_give_each_post_once_and_what_was_watched(run, server, clock):
    fill(server)
    server.submit(HERE - 900, "whatsapp is down 50", subreddit="elsewhere")
    server.comment(HERE - 800, "whatsapp is down 51", subreddit="elsewhere")  # no search finds it
    server.submit(HERE - 9_000, "whatsapp is down 52")  # before the beginning
    outcome, store = run()
    clock.move(600)
    again, _ = run()

    assert outcome.error is None
    assert numbers(store) == [*range(12), 50]
    assert again.posts == 0
    assert spans(store) == [(SINCE, clock.at - 60 * SECOND)]


@pytest.mark.fixtures
@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("TestSubreddit.test_search", "search"),
        ("TestSubredditListings.test_new", "new"),
        ("TestSubredditListings.test_comments", "comments"),
    ],
)
def test_recorded_listings_come_through_whole(name, ask, fixtures_dir, server):
    cassette = json.loads((fixtures_dir / "reddit" / f"{name}.json").read_text())
    replies = [
        item["response"] for item in cassette["interactions"] if item["request"]["method"] == "GET"
    ]
    bodies = [reply["body"]["string"] for reply in replies]
    first = json.loads(bodies[0])
    first["data"]["after"] = None
    limits = {k: v[0] for k, v in replies[0]["headers"].items() if "ratelimit" in k.lower()}
    server.answers = [Answer(200, limits, json.dumps(first).encode())]
    options = {"subreddits": "askreddit", "ask": ask}
    pull = Pull(("signal",), since=0, url=server.url, options=options, catch_up=True)
    pages = list(Reddit().pages(pull))

    outcomes = list(FORMATS["reddit"].read(first, b"key"))
    expected = {(one.post_id, one.text) for one in outcomes if not isinstance(one, Skip)}
    found = {(p.post_id, p.text) for page in pages for p in (*page.posts, *page.edits)}
    assert len(expected) > 5
    assert found == expected


def test_edits_are_taken_over(run, server, clock):
    fill(server, 2)
    name = server.submit(HERE - 200, "whatsapp is down 50", "it is")
    run()
    server.change(name, selftext="it is back", edited=float(HERE - 10))
    clock.move(60)
    outcome, store = run()

    assert outcome.edits == 1
    assert "it is back" in store.posts()["text"].iloc[-1]


@pytest.mark.parametrize(
    "change",
    [
        {"selftext": "[removed]"},
        {"selftext": "[deleted]"},
        {"removed_by_category": "moderator"},
        {"title": "[ Removed by Reddit ]"},
    ],
)
def test_what_is_removed_on_reddit_is_removed_here(change, run, server, clock):
    names = fill(server, 4)
    run()
    server.change(names[0], **change)
    server.change(names[1], body="[removed]")
    clock.move(7 * 3_600)
    outcome, store = run()

    assert outcome.deletions == 2
    assert numbers(store) == [2, 3]
    again, _ = run()
    assert again.posts == 0


def test_what_is_gone_from_reddit_is_removed_but_an_empty_answer_removes_nothing(
    run, server, clock
):
    names = fill(server, 8)
    run()
    del server.things[names[0]]
    clock.move(7 * 3_600)
    _, store = run(ask="new")
    assert numbers(store) == list(range(1, 8))

    things, server.things = server.things, {}
    clock.move(7 * 3_600)
    run(ask="new")
    assert numbers(store) == list(range(1, 8))
    server.things = things


def test_kept_posts_are_looked_up_a_hundred_at_a_time_and_not_all_the_time(run, server, clock):
    for n in range(250):
        server.submit(HERE - 3_000 + n, f"whatsapp is down {n}")
    server.size = 100
    run(ask="new")
    server.requests.clear()
    clock.move(60)
    run(ask="new")
    assert not [path for path in server.requests if "info" in path]
    clock.move(7 * 3_600)
    run(ask="new")
    assert len([path for path in server.requests if "info" in path]) == 3


def test_more_than_reddit_lists_is_a_gap_and_not_called_watched(run, server, clock):
    server.size, server.cap = 100, 200
    for n in range(300):
        server.submit(HERE - 6_000 + n * 10, f"whatsapp is down {n}")
    outcome, store = run(ask="new")
    listed = (HERE - 6_000 + 100 * 10) * SECOND

    assert outcome.error is None
    assert numbers(store) == list(range(100, 300))
    (gap,) = store.gaps().to_dict("records")
    assert (gap["start"].value // 1000, gap["end"].value // 1000) == (SINCE, listed)
    assert "1,000" in gap["reason"]
    assert spans(store) == [(listed, NOW - 60 * SECOND)]
    clock.move(60)
    run(ask="new")
    assert spans(store) == [(listed, clock.at - 60 * SECOND)]


def test_a_page_whose_last_thing_was_removed_is_no_end(run, server):
    names = fill(server, 24)

    class Removing(list):
        def pop(self, _):
            if names[14] in server.things and "after" in server.requests[-1]:
                del server.things[names[14]]  # what the next page would begin after
            return Answer()

    server.answers = Removing([1])
    outcome, store = run(ask="new", attempts=8)

    assert outcome.error is None
    assert set(numbers(store)) >= {n for n in range(0, 24, 2) if n != 14}
    assert store.gaps().empty


def test_a_limit_that_is_reached_is_waited_for_before_anything_is_asked(run, server, clock):
    fill(server)
    at_limit = {"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "77", "x-ratelimit-used": "9"}
    server.answers = [Answer(200, at_limit)]
    began = time.monotonic()
    outcome, store = run()

    assert outcome.error is None
    assert numbers(store) == list(range(12))
    assert [77 <= wait <= 78 for wait in clock.waits] == [True]
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("value", ["5.5", "-1", "soon", ""])
def test_odd_headers_of_limits_do_no_harm(value, run, server, clock):
    fill(server)
    server.headers = {"x-ratelimit-remaining": "598.0", "x-ratelimit-reset": value}
    outcome, _ = run()

    assert outcome.error is None
    assert clock.waits == []


def test_an_expired_token_is_renewed(run, server, clock):
    fill(server)
    source_run = run()
    server.new_token()
    clock.move(60)
    outcome, store = run()
    assert source_run[0].error is None
    assert outcome.error is None
    assert numbers(store) == list(range(12))


def test_a_token_that_expires_in_the_middle_is_renewed_once(run, server, clock):
    fill(server)

    class Expiring(list):
        def pop(self, _):
            if server.n_tokens == 0 and "after" in server.requests[-1]:
                server.new_token()
                return answer(401, {"message": "Unauthorized"})
            return Answer()

    server.answers = Expiring([1])
    outcome, store = run()

    assert outcome.error is None
    assert numbers(store) == list(range(12))
    assert server.requests.count("/api/v1/access_token") == 2
    assert len(clock.waits) == 1


def test_a_token_that_is_never_taken_is_told_and_not_asked_for_again_and_again(run, server):
    server.answers = [Answer(401)] * 50
    outcome, _ = run(attempts=20)

    assert isinstance(outcome.error, RefusedError)
    assert len(server.requests) <= 4


@pytest.mark.parametrize("missing", ["REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET"])
def test_a_missing_key_is_named_with_the_page_that_helps(missing, run, server, monkeypatch):
    monkeypatch.delenv(missing)
    outcome, _ = run()

    assert isinstance(outcome.error, RefusedError)
    assert missing in str(outcome.error)
    assert "https://support.reddithelp.com" in str(outcome.error)
    assert server.requests == []


def test_wrong_keys_are_told_without_being_shown(run, server, monkeypatch):
    monkeypatch.setenv("REDDIT_CLIENT_SECRET", "planted-wrong-secret")
    outcome, _ = run()

    assert isinstance(outcome.error, RefusedError)
    assert "REDDIT_CLIENT_SECRET" in str(outcome.error)
    assert "planted" not in str(outcome.error)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [Answer(200, {}, b"{}"), Answer(200, {}, b"<html>"), Answer(200, {}, b"[]"), Answer(503)],
)
def test_a_token_that_cannot_be_read_is_asked_for_again(reply, run, server):
    fill(server)
    server.token_answers = [reply]
    outcome, store = run()

    assert outcome.error is None
    assert numbers(store) == list(range(12))


@pytest.mark.parametrize("status", [302, 403, 404])
def test_a_subreddit_that_is_closed_or_none_is_told(status, run, server):
    server.answers = [Answer(status, {"Location": "/subreddits/search"})] * 10
    outcome, _ = run(ask="new")

    assert isinstance(outcome.error, RefusedError)
    assert "r/help+tech" in str(outcome.error)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "settings",
    [{"ask": "all"}, {"subreddits": "a b/c"}, {"subreddits": "", "ask": "new"}, {"settle": "x"}],
)
def test_a_wrong_setting_is_wrong_usage(settings, server):
    pull = Pull(("whatsapp",), url=server.url, options={"subreddits": "help", **settings})
    with pytest.raises(UsageError):
        list(Reddit().pages(pull))


def test_while_following_rounds_are_apart_and_failures_are_raised(server, clock):
    fill(server)
    rounds = []
    pull = Pull(
        ("whatsapp",),
        since=SINCE,
        url=server.url,
        clock=clock,
        options={"subreddits": "help", "ask": "new"},
        wait=lambda seconds: rounds.append(seconds) or clock.move(seconds) or len(rounds) == 3,
    )
    list(Reddit().pages(pull))
    assert [round(seconds) for seconds in rounds] == [60, 60, 60]

    server.answers = [Answer(503)]
    with pytest.raises(UnavailableError):
        list(Reddit().pages(pull))
