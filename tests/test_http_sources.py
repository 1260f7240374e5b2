"""What every source over HTTP does when its platform fails: one test a row of the fault table.

After each fault: nothing is lost, nothing doubled, requests are few, and no key shows up.
"""

import json
import logging
import time
from types import MappingProxyType

import pytest
import requests
from miner.collector import Options, collect
from miner.errors import RefusedError, UnavailableError
from miner.sources.asking import Session
from miner.sources.mastodon import Mastodon
from miner.sources.protocol import Pull
from miner.sources.reddit import Reddit
from miner.store import Store
from miner.testing import FakeClock

from mastodon_server import TOKEN, Answer, MastodonServer
from reddit_server import ID, SECRET, RedditServer

SECOND = 1_000_000
NOW = 1_779_719_009_000_000
N_POSTS = 12


class OfMastodon:
    source = Mastodon
    options = MappingProxyType({"tags.whatsapp": "whatsapp"})

    def serve(self):
        return MastodonServer(token=TOKEN, size=5)

    def add(self, server, at, text):
        return server.add(at, text)

    def body(self, server, text):
        return json.dumps([{"id": "1", "created_at": text, "content": 5, "account": []}, 7])


class OfReddit:
    source = Reddit
    options = MappingProxyType({"subreddits": "help", "ask": "new"})

    def serve(self):
        return RedditServer(size=5)

    def add(self, server, at, text):
        return server.submit(at // SECOND, text)

    def body(self, server, text):
        wrong = {"kind": "t3", "data": {"id": [], "title": {}, "created_utc": text, "edited": "x"}}
        return json.dumps({"kind": "Listing", "data": {"children": [wrong, 7], "after": None}})


@pytest.fixture(params=[OfMastodon, OfReddit], ids=["mastodon", "reddit"])
def platform(request, monkeypatch):
    monkeypatch.setenv("MASTODON_ACCESS_TOKEN", TOKEN)
    monkeypatch.setenv("REDDIT_CLIENT_ID", ID)
    monkeypatch.setenv("REDDIT_CLIENT_SECRET", SECRET)
    return request.param()


@pytest.fixture
def server(platform):
    with platform.serve() as server:
        for n in range(N_POSTS):
            platform.add(server, NOW - 7_000 * SECOND + n * 300 * SECOND, f"whatsapp is down {n}")
        yield server


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture
def run(platform, server, labeller, clock, tmp_path, caplog):
    """Collects until caught up; afterwards no key is in a log, an error or the database."""
    path = tmp_path / "outages.db"
    errors = []
    caplog.set_level(logging.DEBUG)

    def collect_all(attempts=4, url=None):
        name = platform.source.name
        options = Options(
            since=NOW - 7_200 * SECOND,
            catch_up=True,
            urls={name: url or server.url},
            settings={name: platform.options},
            attempts=attempts,
        )
        (outcome,) = collect(path, [platform.source()], labeller, options, clock=clock)
        errors.append(str(outcome.error) + repr(outcome.error))
        return outcome, Store(path)

    yield collect_all
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    said = " ".join(errors) + caplog.text + " ".join(str(r.__dict__) for r in caplog.records)
    for secret in (TOKEN, SECRET, server.token):
        assert secret not in said
        assert secret.encode() not in files


def is_whole(outcome, store):
    assert outcome.error is None
    texts = sorted(text.split("#")[0].strip() for text in store.posts()["text"])
    assert texts == sorted(f"whatsapp is down {n}" for n in range(N_POSTS))
    (watched,) = store.watched().to_dict("records")
    assert watched["start"].value // 1000 == NOW - 7_200 * SECOND
    assert watched["end"].value // 1000 >= NOW - 60 * SECOND
    return True


def epoch(seconds):
    return str(NOW // SECOND + seconds)


def test_without_a_fault_all_is_found_once(run, server):
    assert is_whole(*run())
    n_requests = len(server.requests)
    again, store = run()
    assert is_whole(again, store)
    assert again.posts == 0
    assert len(server.requests) - n_requests <= 6


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "30"}, 30, 31),
        ({"X-RateLimit-Reset": "2026-05-25T14:24:29.000000Z"}, 60, 61),
        ({"X-RateLimit-Reset": "45", "X-RateLimit-Remaining": "0"}, 45, 46),
        ({}, 1, 2),
        ({"X-RateLimit-Reset": "2020-05-25T14:24:29.000000Z"}, 1, 2),
        ({"Retry-After": "soon", "X-RateLimit-Remaining": "many"}, 1, 2),
    ],
)
def test_too_many_requests(headers, least, most, run, server, clock):
    server.answers = [Answer(), Answer(429, headers)]
    assert is_whole(*run())
    assert least <= clock.waits[0] <= most
    assert len(clock.waits) == 1


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520])
def test_a_platform_that_is_down_for_a_moment(status, run, server, clock):
    server.answers = [Answer(), Answer(status, {}, b"<html>"), Answer(status, {}, b"<html>")]
    assert is_whole(*run())
    assert 2 <= len(clock.waits) <= 3


def test_a_platform_that_stays_down_is_left_to_the_next_run(run, server):
    server.answers = [Answer(503)] * 50
    outcome, _ = run()
    assert isinstance(outcome.error, UnavailableError)
    assert "503" in str(outcome.error)
    assert len(server.requests) <= 10

    server.answers = []
    assert is_whole(*run())


def test_a_platform_that_fails_in_the_middle_each_time_is_not_asked_forever(run, server):
    class Middle(list):
        def pop(self, _):
            middle = "max_id" in server.requests[-1] or "after" in server.requests[-1]
            return Answer(503) if middle else Answer()

    server.answers = Middle([1])
    outcome, _ = run()
    assert isinstance(outcome.error, UnavailableError)
    assert len(server.requests) <= 14

    server.answers = []
    assert is_whole(*run())


def test_forbidden_is_told_and_not_asked_again(run, server, clock):
    server.answers = [Answer(403, {}, b'{"error": "forbidden"}')] * 50
    outcome, _ = run()
    assert isinstance(outcome.error, RefusedError)
    assert "403" in str(outcome.error)
    assert "http" in str(outcome.error)  # the page that helps
    assert clock.waits == []

    server.answers = []
    assert is_whole(*run())


@pytest.mark.parametrize("how", ["torn", "short"])
def test_a_torn_connection(how, run, server):
    server.answers = [Answer(), Answer(how=how), Answer(how=how)]
    assert is_whole(*run())


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>busy</html>", b'[{"id": "1", "content": "whatsapp is do', b"null", b'"x"', b"7"],
)
def test_a_reply_that_makes_no_sense(body, run, server, clock):
    server.answers = [Answer(), Answer(200, {}, body)]
    assert is_whole(*run())
    assert len(clock.waits) <= 2


@pytest.mark.parametrize("created", [None, True, "yesterday", "9" * 40, {}])
def test_wrong_types_are_counted_and_the_rest_comes(created, run, server, platform):
    outcome, store = run()
    server.answers = [Answer(200, {}, platform.body(server, created).encode())]
    outcome, store = run()
    assert is_whole(outcome, store)
    assert outcome.skipped >= 1


def test_a_post_of_ten_megabytes_is_counted_and_the_rest_comes(run, server, platform):
    platform.add(server, NOW - 4_000 * SECOND, "whatsapp is down " * 600_000)
    outcome, store = run()
    assert is_whole(outcome, store)
    assert outcome.skipped >= 1


def test_a_reply_that_comes_in_drops_does_not_hold_the_collection(run, server, monkeypatch):
    monkeypatch.setattr(Session.__init__, "__kwdefaults__", {"longest": 0.3, "largest": 64 << 20})
    server.answers = [Answer(how="drip")]
    began = time.monotonic()
    assert is_whole(*run())
    assert time.monotonic() - began < 10


def test_a_reply_without_an_end_is_given_up():
    with MastodonServer() as server:
        server.answers = [Answer(200, {}, b"[" * 2_000_000)]
        with pytest.raises(requests.ConnectionError, match="more than 1 MB"):
            Session(largest=1 << 20).get(f"{server.url}/api/v1/timelines/public")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://no-such-host.invalid"])
def test_a_host_that_is_not_there(url, run, server):
    outcome, _ = run(attempts=3, url=url)
    assert isinstance(outcome.error, UnavailableError)
    assert "cannot be reached" in str(outcome.error)
    assert server.requests == []
    server.token = TOKEN


@pytest.mark.parametrize("seconds", [-86_400, 86_400])
def test_a_clock_that_jumps_loses_nothing(seconds, run, server, clock):
    run()
    clock.jump(seconds)
    run()
    clock.jump(-seconds)
    assert is_whole(*run())


def test_posts_that_come_twice_and_out_of_order_count_once(run, server, platform):
    server.answers = [Answer(), Answer(how="short"), Answer(), Answer(how="torn")] * 2
    outcome, store = run(attempts=20)
    assert is_whole(outcome, store)
    assert store.series("whatsapp", "1h")["mentions"].sum() == N_POSTS


def test_a_pull_that_is_told_to_stop_ends_between_requests(server, platform):
    asked = []

    def stopping():
        asked.append(len(server.requests))
        return len(server.requests) >= 3

    pull = Pull(
        ("whatsapp",),
        since=NOW - 7_200 * SECOND,
        url=server.url,
        options=platform.options,
        clock=FakeClock(NOW),
        stopping=stopping,
    )
    list(platform.source().pages(pull))
    assert len(server.requests) <= 5


def test_a_damaged_cursor_is_told(server, platform):
    pages = list(platform.source().pages(a_pull(server, platform)))
    cursors = {name: "{" for page in pages for name in page.cursors if name != "kept posts"}
    with pytest.raises(RefusedError, match="miner doctor"):
        list(platform.source().pages(a_pull(server, platform, cursors=cursors)))


def a_pull(server, platform, **more):
    given = {"since": NOW - 7_200 * SECOND, "options": platform.options, "catch_up": True, **more}
    return Pull(("whatsapp",), url=server.url, clock=FakeClock(NOW), **given)
