"""Mastodon: several servers, their rules, edits, deletions, streams; over real sockets."""

import json
import threading
import time

import pytest
import requests
from miner.collector import Options, collect
from miner.errors import RefusedError, UnavailableError, UsageError
from miner.formats.html_text import html_to_text
from miner.sources.asking import base_of
from miner.sources.mastodon import Mastodon
from miner.sources.protocol import Pull, SystemClock
from miner.store import Store
from miner.testing import FakeClock, check_source

from mastodon_server import TOKEN, Answer, MastodonServer

SECOND = 1_000_000
NOW = 1_779_719_009_000_000
SINCE = NOW - 7_200 * SECOND
TAGS = {"tags.whatsapp": "whatsapp whatsappdown", "tags.signal": "signalapp"}


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture
def token(monkeypatch):
    monkeypatch.setenv("MASTODON_ACCESS_TOKEN", TOKEN)


@pytest.fixture(autouse=True)
def _no_token_of_this_machine(monkeypatch):
    monkeypatch.delenv("MASTODON_ACCESS_TOKEN", raising=False)


@pytest.fixture
def server():
    with MastodonServer(token=TOKEN, size=5) as server:
        yield server


@pytest.fixture
def run(tmp_path, labeller, clock):
    """Collects until caught up, and gives the outcome and the store."""

    def collect_all(*servers, attempts=3, **settings):
        options = Options(
            since=SINCE,
            catch_up=True,
            urls={"mastodon": ",".join(server.url for server in servers)},
            settings={"mastodon": {**TAGS, **settings}},
            attempts=attempts,
        )
        path = tmp_path / "outages.db"
        (outcome,) = collect(path, [Mastodon()], labeller, options, clock=clock)
        return outcome, Store(path)

    return collect_all


def fill(server, number=20, *, first=0, tag="whatsapp", **more):
    ids = []
    for n in range(first, first + number):
        at = SINCE + (n + 1) * 300 * SECOND
        ids.append(server.add(at, f"whatsapp is down {n}", tag=tag, **more))
    return ids


def texts(store):
    return sorted(int(text.split("down ")[1].split(" ")[0]) for text in store.posts()["text"])


def a_pull(server, services=("whatsapp",), **options):
    settings = {**TAGS, **options}
    return Pull(services, since=SINCE, url=server.url, clock=FakeClock(NOW), options=settings)


@pytest.mark.parametrize("ask", ["tags", "public", "local", "tags,public", "search"])
def test_the_contract_of_a_source_holds(ask, server, token):
    fill(server)
    fill(server, 3, first=20, tag="signalapp")
    check_source(Mastodon, a_pull(server, ("signal", "whatsapp"), ask=ask))


def test_what_is_new_since_the_last_time_costs_few_requests(run, server, clock):
    fill(server)
    run(server)
    clock.move(600)
    server.add(clock.at - 120 * SECOND, "whatsapp is down 99", tag="whatsappdown")
    server.requests.clear()
    outcome, store = run(server)

    assert outcome.posts == 1
    assert texts(store) == [*range(20), 99]
    assert len(server.requests) <= 5
    (watched,) = store.watched().to_dict("records")
    assert watched["start"].value // 1000 == SINCE
    assert watched["end"].value // 1000 == clock.at - 60 * SECOND


def test_a_pull_without_a_beginning_begins_now(server, clock):
    fill(server)
    pull = Pull(("whatsapp",), url=server.url, clock=clock, options=TAGS, catch_up=True)
    first = list(Mastodon().pages(pull))
    assert [post for page in first for post in page.posts] == []
    clock.move(300)
    server.add(NOW + 100 * SECOND, "whatsapp is down 50")
    cursors = {name: value for page in first for name, value in page.cursors.items()}
    later = Pull(("whatsapp",), cursors, url=server.url, clock=clock, options=TAGS, catch_up=True)
    pages = list(Mastodon().pages(later))

    assert [post.text.split(" #")[0] for p in pages for post in p.posts] == ["whatsapp is down 50"]
    assert [page.watched for page in pages if page.watched] == [(NOW, clock.at - 60 * SECOND)]


def test_a_post_that_reaches_the_server_late_is_found(run, server, clock):
    fill(server)
    server.add(NOW - 30 * SECOND, "whatsapp is down 40")
    run(server)
    server.add(NOW - 300 * SECOND, "whatsapp is down 41")  # another server was slow
    clock.move(60)
    _, store = run(server)

    assert texts(store) == [*range(20), 40, 41]


def test_servers_number_posts_anew_and_their_posts_are_joined_by_the_global_id(run):
    one, two = MastodonServer(host="one.example"), MastodonServer(host="two.example")
    with one, two:
        shared = "https://third.example/1"
        one.add(SINCE + 300 * SECOND, "whatsapp is down 1", number=1, uri=shared)
        two.add(SINCE + 300 * SECOND, "whatsapp is down 1", number=2, uri=shared)
        # The same number on both names two posts.
        one.add(SINCE + 600 * SECOND, "whatsapp is down 2", number=7)
        two.add(SINCE + 600 * SECOND, "whatsapp is down 3", number=7)
        _, store = run(one, two)

    assert texts(store) == [1, 2, 3]
    assert store.posts()["post_id"].is_unique


def test_a_server_that_is_down_does_not_stop_the_others_and_nothing_is_called_watched(run, clock):
    one, two = MastodonServer(), MastodonServer(host="two.example")
    with one, two:
        fill(one, 4)
        fill(two, 4, first=4)
        two.answers = [Answer(429, {"X-RateLimit-Reset": "2026-05-25T23:00:00Z"})]
        outcome, store = run(one, two)
        assert isinstance(outcome.error, UnavailableError)  # hours: left to the next run
        assert texts(store) == [0, 1, 2, 3]
        assert store.watched().empty
        assert len(one.requests) <= 6

        outcome, store = run(one, two)

    assert outcome.error is None
    assert texts(store) == list(range(8))
    (watched,) = store.watched().to_dict("records")
    assert (watched["start"].value // 1000, watched["end"].value // 1000) == (
        SINCE,
        NOW - 60 * SECOND,
    )


def test_while_following_a_busy_server_rests_and_the_others_are_asked(clock):
    one, two = MastodonServer(), MastodonServer(host="two.example")
    with one, two:
        fill(one, 4)
        fill(two, 4, first=4)
        two.answers = [Answer(503)] * 2
        found = follow([one, two], clock, until=8)

    assert len(found) == 8
    assert len([path for path in two.requests if "timelines" in path]) < 30


def follow(servers, clock, until, seconds=900):
    """Texts of posts until there are so many, of a pull that does not end by itself."""
    found = set()
    end = clock.at + seconds * SECOND
    pull = Pull(
        ("whatsapp",),
        since=SINCE,
        url=",".join(server.url for server in servers),
        options=TAGS,
        clock=clock,
        stopping=lambda: len(found) >= until or clock.at > end,
        wait=lambda seconds: clock.wait(threading.Event(), seconds),
    )
    for page in Mastodon().pages(pull):
        found |= {post.post_id for post in page.posts}
    return found


def test_edits_are_taken_over_and_an_edit_away_from_the_service_removes(run, server, clock):
    fill(server, 3)
    first = server.add(NOW - 200 * SECOND, "whatsapp is down 50")
    second = server.add(NOW - 190 * SECOND, "whatsapp is down 51")
    run(server)
    server.edit(first, "whatsapp is down 52 and signal works", NOW)
    server.edit(second, "my cat sleeps", NOW)
    clock.move(60)
    outcome, store = run(server)

    assert outcome.edits == 2
    assert texts(store) == [0, 1, 2, 52]


def test_posts_deleted_while_young_are_removed_also_after_a_restart(run, server, clock):
    fill(server, 3)
    gone = server.add(NOW - 200 * SECOND, "whatsapp is down 50")
    hidden = server.add(NOW - 190 * SECOND, "whatsapp is down 51")
    run(server)
    server.delete(gone)
    server.statuses[hidden]["tags"] = []  # no longer listed, and still there
    clock.move(60)
    outcome, store = run(server)

    assert outcome.deletions == 1
    assert texts(store) == [0, 1, 2, 51]
    server.requests.clear()
    run(server)
    assert not [path for path in server.requests if "statuses/" in path]


def test_a_time_in_the_future_does_not_make_everything_be_read_again(run, server, clock):
    fill(server)
    server.add(NOW + 10**9 * SECOND, "whatsapp is down 60")
    run(server)
    server.requests.clear()
    clock.move(60)
    run(server)

    assert len(server.requests) <= 4


def test_a_server_that_does_not_heed_ids_is_left_instead_of_asked_forever(run, server):
    ids = fill(server)
    body = json.dumps([server.statuses[one] for one in ids[-2:]]).encode()
    server.answers = [Answer(200, {}, body)] * 50
    outcome, _ = run(server)

    assert isinstance(outcome.error, RefusedError)
    assert "circles" in str(outcome.error)
    assert len(server.requests) <= 6


def access(local, remote):
    return {"hashtag_feeds": {"local": local, "remote": remote}}


def test_a_server_that_wants_a_token_says_where_to_get_one(run, server, monkeypatch):
    fill(server)
    server.access = access("authenticated", "authenticated")
    outcome, _ = run(server)
    assert isinstance(outcome.error, RefusedError)
    assert "/settings/applications" in str(outcome.error)
    assert "MASTODON_ACCESS_TOKEN" in str(outcome.error)

    monkeypatch.setenv("MASTODON_ACCESS_TOKEN", TOKEN)
    outcome, store = run(server)
    assert outcome.error is None
    assert len(store.posts()) == 20


def test_a_server_that_shows_nothing_is_left(run, server):
    server.access = access("disabled", "disabled")
    outcome, _ = run(server)

    assert isinstance(outcome.error, RefusedError)
    assert "to nobody" in str(outcome.error)


def test_a_server_that_begins_to_hide_posts_of_others_breaks_the_series(run, server, clock):
    fill(server)
    run(server)
    server.access = access("public", "disabled")
    clock.move(60)
    outcome, store = run(server)
    run(server)

    assert outcome.error is None
    (mark,) = store.breaks().to_dict("records")
    assert "only local posts" in mark["reason"]


def test_an_expired_token_is_told_with_the_page_that_helps(run, server, monkeypatch):
    fill(server)
    monkeypatch.setenv("MASTODON_ACCESS_TOKEN", "expired")
    outcome, _ = run(server)

    assert isinstance(outcome.error, RefusedError)
    assert "expired" in str(outcome.error)
    assert "/settings/applications" in str(outcome.error)
    assert len(server.requests) <= 2


def test_the_token_is_shown_to_the_first_server_alone(run, token):
    one, two = MastodonServer(token=TOKEN), MastodonServer(host="two.example")
    with one, two:
        fill(one, 2)
        fill(two, 2, first=2)
        outcome, _ = run(one, two)

    assert outcome.error is None
    assert one.tokens == {f"Bearer {TOKEN}"}
    assert two.tokens == {None}


def test_a_search_without_a_token_is_refused(run, server):
    outcome, _ = run(server, ask="search")

    assert isinstance(outcome.error, RefusedError)
    assert "/settings/applications" in str(outcome.error)


@pytest.mark.parametrize("settings", [{"ask": "all"}, {"settle": "soon"}, {"every": "x"}])
def test_a_wrong_setting_is_wrong_usage(settings, server):
    pull = a_pull(server, **settings)
    with pytest.raises(UsageError):
        list(Mastodon().pages(pull))


@pytest.mark.parametrize("url", ["ftp://example.org", "https://", "http://[", "http://a:b"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(UsageError):
        base_of(url)


def test_a_password_in_an_address_is_dropped():
    assert base_of("https://me:secret@example.org:8443/about") == "https://example.org:8443"
    assert base_of("example.org") == "https://example.org"


@pytest.mark.fixtures
def test_recorded_statuses_come_through_with_their_text(fixtures_dir, bodies):
    records = {}
    for name in ("test_pagination_iterator", "test_hashtag_tl"):
        for body in bodies(fixtures_dir / "mastodon" / f"{name}.yaml"):
            values = json.loads(body)
            for value in values if isinstance(values, list) else [values]:
                if "content" in value:
                    records[value["id"]] = value
    assert len(records) > 30
    with MastodonServer() as server:
        server.statuses = records
        pull = Pull(
            ("whatsapp",),
            since=0,
            url=server.url,
            options={"ask": "public"},
            catch_up=True,
        )
        posts = [post for page in Mastodon().pages(pull) for post in page.posts]

    public = [record for record in records.values() if record["visibility"] == "public"]
    expected = {record["uri"]: html_to_text(record["content"]) for record in public}
    assert {post.post_id: post.text for post in posts} == expected
    assert not any("<" in post.text for post in posts)


@pytest.mark.slow
def test_the_mock_of_mastodon_gives_its_posts_edits_and_deletions(tmp_path, labeller, monkeypatch):
    mock = pytest.importorskip("mastodon_mock.testing")
    with mock.MockServer() as server:
        client = server.client()
        monkeypatch.setenv("MASTODON_ACCESS_TOKEN", client.access_token)
        options = Options(
            since=SystemClock().now() - 600 * SECOND,
            catch_up=True,
            urls={"mastodon": server.base_url},
            settings={"mastodon": {"tags.whatsapp": "whatsapp", "settle": "0"}},
        )
        path = tmp_path / "outages.db"

        def run():
            (outcome,) = collect(path, [Mastodon()], labeller, options)
            assert outcome.error is None
            return outcome, Store(path)

        made = [client.status_post(f"#whatsapp is down {n}") for n in range(90)]
        outcome, store = run()
        assert (outcome.posts, len(store.posts())) == (90, 90)

        client.status_update(made[0]["id"], "#whatsapp is down 900")
        client.status_delete(made[1]["id"])
        client.status_post("#whatsapp is down 901")
        asked = {"path": "/api/v1/timelines/tag/whatsapp"}
        fault = {"match": asked, "effect": {"type": "malformed"}, "count": 1}
        requests.post(f"{server.base_url}/api/v1/_mock/faults", json=fault, timeout=5)
        outcome, store = run()
    assert (outcome.posts, outcome.edits, outcome.deletions) == (1, 1, 1)
    assert texts(store) == [*range(2, 90), 900, 901]


class Streaming:
    """A pull that follows a stream in a thread, into a list of pages."""

    def __init__(self, server, **options):
        self.pages = []
        self.error = None
        self._stop = threading.Event()
        settings = {**TAGS, "stream": "public", "every": "600", **options}
        self._pull = Pull(
            ("whatsapp",),
            url=server.url,
            options=settings,
            stopping=self._stop.is_set,
            wants=lambda text: "whatsapp" in text,
            wait=lambda seconds: self._stop.wait(min(seconds, 0.05)),
        )
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            self.pages.extend(Mastodon().pages(self._pull))
        except (RefusedError, UnavailableError) as error:
            self.error = error

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(5)

    def until(self, holds):
        end = time.monotonic() + 10
        while not holds() and time.monotonic() < end:
            time.sleep(0.02)
        assert holds()


class Listening(Streaming):
    """As above, with the pages there as they come."""

    def _run(self):
        try:
            for page in Mastodon().pages(self._pull):
                self.pages.append(page)
        except (RefusedError, UnavailableError) as error:
            self.error = error

    @property
    def posts(self):
        return [post for page in self.pages for post in page.posts]


@pytest.mark.parametrize("stream", ["public", "public:local", "tags"])
def test_a_stream_brings_posts_edits_and_deletions(stream, server, token):
    now = SystemClock().now()
    with Listening(server, stream=stream) as listening:
        server.wait_for_stream()
        first = server.add(now, "whatsapp is down 1")
        server.add(now, "my cat sleeps", tag="cats")
        server.send_raw("event: update\ndata: {torn\n\nevent: filters_changed\n\n:thump\n")
        server.send_raw(b"event: update\ndata: \xff\xfe\n\n")
        second = server.add(now, "whatsapp is down 2")
        server.edit(second, "whatsapp is down 3", now)
        server.delete(first)
        server.delete(second)
        listening.until(lambda: sum(len(page.deletions) for page in listening.pages) == 2)

    assert [post.text.split(" #")[0] for post in listening.posts] == [
        "whatsapp is down 1",
        "whatsapp is down 2",
    ]
    assert [e.text for p in listening.pages for e in p.edits] == ["whatsapp is down 3"]
    gone = [deletion.post_id for page in listening.pages for deletion in page.deletions]
    assert gone == [post.post_id for post in listening.posts]
    assert sum(page.skipped.get("payload is not JSON", 0) for page in listening.pages) == 2


def test_a_stream_that_breaks_is_opened_again_and_the_questions_bring_what_it_missed(server, token):
    now = SystemClock().now()
    with Listening(server, every="0.5", settle="0") as listening:
        server.wait_for_stream()
        server.end_streams()
        time.sleep(0.1)
        server.add(now + SECOND, "whatsapp is down 1")
        listening.until(lambda: len(listening.posts) == 1)
        server.wait_for_stream()
        server.add(now + 2 * SECOND, "whatsapp is down 2")
        listening.until(
            lambda: (
                {p.text.split(" #")[0] for p in listening.posts}
                == {"whatsapp is down 1", "whatsapp is down 2"}
            )
        )
        streams = [path for path in server.requests if "streaming" in path]

    assert listening.error is None
    assert 2 <= len(streams) <= 12


def test_a_stream_without_a_token_is_refused(server):
    with Listening(server) as listening:
        listening.until(lambda: listening.error is not None)

    assert "/settings/applications" in str(listening.error)
