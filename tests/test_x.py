"""X through tweepy, over real sockets, held against X's own description of its API."""

import logging
import threading
import time
import urllib.parse

import pytest
from miner.collector import Labeller, Options, collect
from miner.errors import RefusedError, UnavailableError, UsageError
from miner.lexicon import load_lexicon
from miner.sources.protocol import Pull, SystemClock
from miner.sources.x import X
from miner.sources.x.asking import queries_of
from miner.store import Store, Writer
from miner.testing import FakeClock, check_source

from x_server import (
    ALL,
    POST,
    RECENT_COUNTS,
    RULES,
    SEARCH,
    STREAM,
    Fault,
    XServer,
    a_post,
    id_at,
    iso,
    problem,
)

SECOND = 1_000_000
HOUR = 3_600 * SECOND
NOW = 1_790_000_000 * SECOND
TOKEN = "secret-of-the-test"
PHRASES = {"queries": "2"}


@pytest.fixture
def spec(request):
    """X's description of its API, where it is at hand."""
    from conftest import FIXTURES

    path = FIXTURES / "openapi" / "x-2.159.json"
    return path if path.is_file() else None


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("X_BEARER_TOKEN", TOKEN)


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outages.db"


@pytest.fixture
def run(path, labeller, clock):
    """Collects until caught up, and gives the outcome and the store."""

    def collect_all(server, *, to=None, attempts=4, settings=PHRASES, **options):
        chosen = Options(
            **{"since": NOW - 3 * HOUR, "catch_up": True, **options},
            urls={"x": server if isinstance(server, str) else server.url},
            settings={"x": settings},
            attempts=attempts,
        )
        (outcome,) = collect(path, [X()], to or labeller, chosen, clock=clock)
        return outcome, Store(path)

    return collect_all


def made_posts(n, *, start=NOW - 3 * HOUR, step=60 * SECOND):
    return [a_post(start + k * step, f"whatsapp is down again {k}", k) for k in range(n)]


def spans(store, service="whatsapp"):
    table = store.watched(service)
    return [
        (start.value // 1000, end.value // 1000)
        for start, end in zip(table["start"], table["end"], strict=True)
    ]


def a_pull(server, **more):
    values = {"since": NOW - 3 * HOUR, "options": PHRASES, "clock": FakeClock(NOW), **more}
    return Pull(("whatsapp",), url=server.url, **values)


def test_search_gives_every_post_once_and_what_was_watched(run, spec):
    with XServer(made_posts(170), spec=spec, size=20) as server:
        outcome, store = run(server)
        asked = len(server.requests)
        again, _ = run(server)

    assert outcome.error is None
    assert sorted(store.posts()["text"]) == sorted(post["text"] for post in server.posts)
    assert spans(store) == [(NOW - 3 * HOUR, NOW - 30 * SECOND)]
    assert again.posts == 0
    assert len(server.requests) == asked  # nothing new to ask for
    assert server.violations == []
    assert all("-is:retweet" in query["query"] for _, query in server.requests)
    assert all(len(query["query"]) <= 512 for _, query in server.requests)


def test_the_contract_of_a_source_holds(spec):
    with XServer(made_posts(20, step=500 * SECOND), size=3, spec=spec) as server:
        check_source(X, a_pull(server))


def test_the_full_archive_is_asked_with_longer_queries_and_once_a_second(run, clock, spec):
    old = NOW - 400 * 24 * HOUR
    posts = made_posts(30, start=old, step=300 * SECOND)
    with XServer(posts, spec=spec) as server:
        settings = {"via": "archive", "slice": "600000", "queries": "3"}
        outcome, store = run(server, since=old, settings=settings)

    assert outcome.error is None
    assert len(store.posts()) == 30
    assert server.n_asked(ALL) == len(server.requests)
    assert clock.monotonic() >= server.n_asked(ALL) - 1
    assert server.requests[0][1]["max_results"] == "500"
    assert 512 < max(len(query["query"]) for _, query in server.requests) <= 1_024
    assert server.violations == []


def test_what_is_older_than_recent_search_is_a_gap_with_its_reason(run):
    with XServer(made_posts(20)) as server:
        _, store = run(server, since=NOW - 9 * 24 * HOUR, settings={**PHRASES, "slice": "2000"})

    (gap,) = store.gaps().to_dict("records")
    assert "x.via=archive" in gap["reason"]
    assert gap["start"].value // 1000 == NOW - 9 * 24 * HOUR
    assert spans(store)[0][0] == gap["end"].value // 1000
    assert len(store.posts()) == 20


def test_the_day_when_reposts_left_search_is_a_break(run, clock):
    clock.at = 1_777_852_800 * SECOND + 20 * HOUR
    with XServer([]) as server:
        _, store = run(server, since=clock.at - 22 * HOUR)

    (mark,) = store.breaks().to_dict("records")
    assert str(mark["at"]) == "2026-05-04 00:00:00+00:00"
    assert "reposts" in mark["reason"]


def test_both_spellings_of_the_api_are_read(run):
    posts = made_posts(5)
    posts[0]["note_tweet"] = {"text": "whatsapp is down " + "and down " * 60}
    with XServer(posts) as server:
        server.names = "post"
        _, store = run(server)

    texts = store.posts()["text"]
    assert len(texts) == 5
    assert texts.str.len().max() > 500  # the whole of a long post


def test_an_edit_replaces_the_text_and_keeps_the_time_of_the_first_version(run):
    first = NOW - 2 * HOUR
    post = a_post(first, "whatsapp is down", 1)
    later = a_post(first + 1_200 * SECOND, "whatsapp is down, not working at all", 2)
    later["edit_history_tweet_ids"] = [post["id"], later["id"]]
    with XServer([post]) as server:
        run(server, since=first - HOUR)
        with Writer.open(run_path(run)) as writer, writer.transaction() as connection:
            connection.execute("DELETE FROM cursor")
        server.set_posts([later])
        _, store = run(server, since=first - HOUR)

    (row,) = store.posts().to_dict("records")
    assert row["text"] == later["text"]
    assert row["post_id"] == post["id"]
    assert abs(row["created_at"].value // 1000 - first) < SECOND


def run_path(run):
    return run.__closure__[list(run.__code__.co_freevars).index("path")].cell_contents


def test_queries_are_distinct_fit_and_come_in_every_language_asked_for():
    pull = Pull(("whatsapp",), options={"langs": "en,de", "queries": "3"})
    asked = queries_of("whatsapp", pull, "x")

    assert len(set(asked)) == len(asked) == 6
    assert max(map(len, asked)) <= 512
    with pytest.raises(UsageError, match="queries"):
        queries_of("whatsapp", Pull(("whatsapp",), options={"queries": "many"}), "x")


def test_x_may_not_be_measured_with_x_and_says_so_once(caplog, path, clock):
    both = Labeller(["x", "whatsapp"], load_lexicon())
    with XServer([]) as server:
        options = Options(
            since=NOW - HOUR, catch_up=True, urls={"x": server.url}, settings={"x": PHRASES}
        )
        server.faults = [Fault(503), Fault(503)]
        with caplog.at_level(logging.WARNING, "miner.sources.x"):
            collect(path, [X()], both, options, clock=clock)

    told = [record for record in caplog.records if "policy" in record.message]
    assert len(told) == 1


@pytest.mark.parametrize("token", [None, "", "line\nbreak"])
def test_a_missing_key_is_named_with_the_page_that_tells_how_to_get_it(monkeypatch, run, token):
    if token is None:
        monkeypatch.delenv("X_BEARER_TOKEN")
    else:
        monkeypatch.setenv("X_BEARER_TOKEN", token)
    with XServer([]) as server:
        outcome, _ = run(server)

    assert isinstance(outcome.error, RefusedError)
    assert "X_BEARER_TOKEN" in str(outcome.error)
    assert "https://docs.x.com/" in str(outcome.error)
    assert server.requests == []


USED_UP = problem(402, "CreditsDepleted", "https://api.x.com/2/problems/credits-depleted")
CAPPED = problem(429, "UsageCapExceeded", "https://api.twitter.com/2/problems/usage-capped")
TOO_MANY = problem(429, "Too Many Requests")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault(400, {}, problem(400, "Invalid Request")), "report"),
        (Fault(401, {}, problem(401, "Unauthorized")), "expired"),
        (Fault(402, {}, USED_UP), "credits"),
        (Fault(403, {}, problem(403, "Forbidden")), "access"),
        (Fault(404, {}, b"<html>"), "--url"),
        (Fault(429, {}, CAPPED), "usage cap"),
    ],
)
def test_what_needs_its_user_is_asked_once(run, fault, says):
    with XServer(made_posts(9)) as server:
        server.faults = [fault] * 9
        outcome, store = run(server)
        server.faults = []
        later, _ = run(server)

    assert isinstance(outcome.error, RefusedError)
    assert says in str(outcome.error)
    assert later.error is None
    assert len(store.posts()) == 9


FAULTS = {
    "429 with reset": Fault(429, {"x-rate-limit-reset": str(NOW // SECOND + 300)}, TOO_MANY),
    "429 without reset": Fault(429, {}, TOO_MANY),
    "429 with a reset in the past": Fault(429, {"x-rate-limit-reset": "1700000000"}, TOO_MANY),
    "429 with nonsense": Fault(429, {"x-rate-limit-reset": "soon"}, TOO_MANY),
    "429 as html": Fault(429, {}, b"<html>wait</html>"),
    "500": Fault(500, {}, b"oops"),
    "503": Fault(503, {}, problem(503, "Service Unavailable")),
    "503 with a time": Fault(503, {"Retry-After": "120"}, b""),
    "torn": Fault(spoil="torn"),
    "cut": Fault(spoil="cut"),
    "no JSON": Fault(body=b"<html>hello</html>"),
    "wrong type": Fault(body=b'["a list"]'),
    "number": Fault(body=b"7"),
    "nothing": Fault(body=b""),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_may_pass_is_waited_for_and_nothing_is_lost(run, clock, spec, name):
    with XServer(made_posts(60), spec=spec, size=20) as server:
        server.faults = [Fault(), FAULTS[name], Fault(), FAULTS[name]]
        outcome, store = run(server)

    assert outcome.error is None
    assert len(store.posts()) == 60
    assert spans(store) == [(NOW - 3 * HOUR, spans(store)[0][1])]
    assert len(clock.waits) == 2
    assert min(clock.waits) >= 1  # never at once
    if "429" in name:
        assert clock.waits[0] >= (300 if name.endswith("with reset") else 60)
    assert len(server.requests) < 60
    assert server.violations == []


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"id": []}, "includes": 5, "errors": {"title": 3}, "meta": {}},
        {"data": [], "meta": []},
        {"data": None, "meta": {"next_token": 5}},
        {"errors": [{"title": ["x"]}, 9]},
        {},
    ],
)
def test_an_answer_that_is_no_page_is_asked_for_again(run, clock, body):
    with XServer(made_posts(3)) as server:
        server.faults = [Fault(body=body)]
        outcome, store = run(server)

    assert outcome.error is None
    assert len(store.posts()) == 3
    assert len(clock.waits) == 1


@pytest.mark.parametrize(
    "item",
    [
        "post",
        {"id": 7, "text": None},
        {"id": "8"},
        {"id": ["9"], "text": "whatsapp is down", "created_at": 5},
        {**a_post(NOW - HOUR, "whatsapp is down"), "text": ["whatsapp is down"]},
        {**a_post(NOW - HOUR, "whatsapp is down"), "edit_history_tweet_ids": {"a": 1}, "geo": 5},
    ],
)
def test_a_post_of_wrong_types_does_not_take_others_along(run, item):
    posts = made_posts(3)
    with XServer(posts) as server:
        server.faults = [Fault(body={"data": [item, *posts], "meta": {"result_count": "x"}})]
        outcome, store = run(server)

    assert outcome.error is None
    assert len(store.posts()) + outcome.skipped == 4


@pytest.mark.slow
def test_a_post_of_ten_megabytes_and_halves_of_characters_come_through(run):
    posts = [
        a_post(NOW - HOUR, "whatsapp is down " + "x" * 10_000_000, 1),
        a_post(NOW - HOUR, "whatsapp is down \ud83d", 2),
    ]
    with XServer(posts) as server:
        outcome, store = run(server)

    assert outcome.error is None
    assert len(store.posts()) == 2


def test_pages_that_go_round_in_circles_end(run):
    with XServer(made_posts(30), size=10) as server:
        page = {"data": made_posts(1), "meta": {"next_token": "t10"}}
        server.faults = [Fault(body=page)] * 1_000
        outcome, _ = run(server, attempts=3)

    assert isinstance(outcome.error, UnavailableError)
    assert len(server.requests) < 20


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://nowhere.invalid"])
def test_a_host_that_is_not_there_is_named_without_a_hot_loop(run, clock, url):
    outcome, _ = run(url)

    assert isinstance(outcome.error, UnavailableError)
    assert "cannot be reached" in str(outcome.error)
    assert len(clock.waits) == 3
    assert clock.waits == sorted(clock.waits)


@pytest.mark.parametrize("url", ["ftp://x", "nonsense", "https://"])
def test_an_address_that_is_none_is_wrong_usage(run, url):
    with pytest.raises(UsageError, match="--url"):
        run(url)


@pytest.mark.parametrize("spoil", ["half-open", "drip"])
def test_a_host_that_falls_silent_or_drips_is_left(monkeypatch, run, path, labeller, spoil):
    monkeypatch.setattr("miner.sources.x.connecting._READ", 0.4)
    monkeypatch.setattr("miner.sources.x.connecting._ANSWER", 0.6)
    with XServer(made_posts(9)) as server:
        server.faults = [Fault(spoil=spoil)]
        began = time.monotonic()
        since = SystemClock().now() - HOUR
        posts = [a_post(since + n * SECOND, f"whatsapp is down {n}", n) for n in range(9)]
        server.set_posts(posts)
        options = Options(
            since=since, catch_up=True, urls={"x": server.url}, settings={"x": PHRASES}
        )
        (outcome,) = collect(path, [X()], labeller, options)

    assert outcome.error is None
    assert len(Store(path).posts()) == 9
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("seconds", [-7_200, 86_400])
def test_a_clock_that_jumps_loses_nothing(run, clock, seconds):
    with XServer(made_posts(150)) as server:
        run(server)
        clock.jump(seconds)
        outcome, _ = run(server)
        clock.at = NOW + HOUR
        server.set_posts([*made_posts(150), a_post(NOW + 600 * SECOND, "whatsapp is down too")])
        last, store = run(server)

    assert outcome.error is None
    assert last.error is None
    # A clock that was ahead has called watched what it could not have seen; nothing else is lost.
    assert len(store.posts()) == 151 - (seconds > 0)


def test_duplicates_and_any_order_change_nothing(run):
    posts = made_posts(20)
    body = {"data": [*posts[7:], *posts[3:], *posts[::-1]], "meta": {"result_count": 4}}
    with XServer(posts) as server:
        server.faults = [Fault(body=body)]
        outcome, store = run(server)

    assert outcome.error is None
    assert len(store.posts()) == 20


def test_the_key_is_in_no_log_error_or_database(run, path, caplog):
    caplog.set_level(logging.DEBUG)
    echo = problem(403, f"Forbidden for {TOKEN}", detail=f"Bearer {TOKEN}")
    told = []
    with XServer(made_posts(30), size=10) as server:
        for fault in [*FAULTS.values(), Fault(403, {}, echo), Fault(429, {}, echo)]:
            server.faults = [fault] * 3
            outcome, _ = run(server, attempts=2)
            told.append(str(outcome.error))
        outcome, _ = run("http://127.0.0.1:9", attempts=2)
        told.append(str(outcome.error))
        run(server)

    assert TOKEN not in caplog.text
    assert TOKEN not in " ".join(told)
    assert "Authorization" not in caplog.text or TOKEN not in caplog.text
    for file in path.parent.iterdir():
        assert TOKEN.encode() not in file.read_bytes()
    assert urllib.parse.urlsplit(server.url).hostname


# The stream.


@pytest.fixture
def stream(path, labeller):
    """Follows the stream until something holds, and gives the outcome and the store."""

    def follow(server, until, *, since=None, attempts=4, seconds=25):
        stop = threading.Event()
        options = Options(
            since=since,
            seconds=seconds,
            urls={"x": server.url},
            settings={"x": {"via": "stream", "queries": "1", "page": "0.1"}},
            attempts=attempts,
        )

        def look(outcome):
            if until(outcome):
                stop.set()

        (outcome,) = collect(path, [X()], labeller, options, stop=stop, progress=look)
        return outcome, Store(path)

    return follow


@pytest.fixture
def _soon(monkeypatch):
    """No long waits: what is 30 s in X's world is less here."""
    import tenacity

    monkeypatch.setattr("miner.collector.retrying._backoff", tenacity.wait_fixed(0.05))
    monkeypatch.setattr("miner.collector.retrying._jitter", tenacity.wait_fixed(0.0))
    monkeypatch.setattr("miner.sources.x.refusals._TOO_MANY", 0)
    monkeypatch.setattr("miner.sources.x.stream.SETTLED", 1 * SECOND)
    monkeypatch.setattr("miner.sources.x.stream._LATE", SECOND // 2)


@pytest.mark.usefixtures("_soon")
def test_the_stream_keeps_its_rules_and_search_fills_what_came_before(stream, spec):
    now = SystemClock().now()
    early = [a_post(now - 600 * SECOND + n * SECOND, f"whatsapp is down {n}", n) for n in range(5)]
    live = [a_post(now + n, f"whatsapp is down live {n}", 100 + n) for n in range(5)]
    with XServer(early, spec=spec) as server:
        server.rules = {"1": {"value": "old", "tag": "miner whatsapp"}, "2": {"value": "mine"}}
        server.live = list(live)
        outcome, store = stream(server, lambda o: o.posts >= 10 and o.reached, since=now - HOUR)
        rules = list(server.rules.values())
        _again, _ = stream(server, lambda _: True)

    assert outcome.error is None
    assert len(store.posts()) == 10
    assert {"value": "mine"} in rules  # somebody else's
    assert sum(rule.get("tag") == "miner whatsapp" for rule in rules) == 1
    assert "old" not in [rule["value"] for rule in rules]
    assert len(server.rules) == 2  # the second run has found its rule
    (span,) = spans(store)
    assert span[0] == (now - HOUR) - (now - HOUR) % SECOND
    assert span[1] > now
    assert server.violations == []


DISCONNECT = {
    "errors": [
        {
            "title": "operational-disconnect",
            "disconnect_type": "UpstreamOperationalDisconnect",
            "type": "https://api.twitter.com/2/problems/operational-disconnect",
        }
    ]
}


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("ending", ["close", "torn", DISCONNECT], ids=["close", "torn", "told"])
def test_a_stream_that_ends_is_taken_up_again_and_the_hole_is_searched_for(stream, ending):
    now = SystemClock().now()
    post = a_post(now - 60 * SECOND, "whatsapp is down in the hole", 1)
    with XServer([post]) as server:
        server.live = [a_post(now, "whatsapp is down live", 2)]
        server.end_stream = ending
        outcome, store = stream(
            server, lambda o: o.posts >= 2 and o.reached, since=now - 120 * SECOND
        )

    assert outcome.error is None
    assert len(store.posts()) == 2
    assert len(spans(store)) == 1
    assert server.n_asked(STREAM) == 2


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("status", [429, 503])
def test_a_stream_that_is_refused_is_asked_a_few_times_and_left(stream, status):
    with XServer([]) as server:
        server.faults = [Fault(status, {}, problem(status, "x"), path=STREAM) for _ in range(50)]
        outcome, _ = stream(server, lambda _: False, attempts=3)

    assert isinstance(outcome.error, UnavailableError)
    assert server.n_asked(STREAM) == 3


@pytest.mark.usefixtures("_soon")
def test_a_server_that_accepts_and_drops_is_not_hammered(stream, monkeypatch):
    with XServer([]) as server:
        endless = threading.Event()

        def drop():
            while not endless.wait(0.01):
                server.end_stream = "close"

        thread = threading.Thread(target=drop, daemon=True)
        thread.start()
        outcome, _ = stream(server, lambda _: False, attempts=4)
        endless.set()
        thread.join()

    assert isinstance(outcome.error, UnavailableError)
    assert server.n_asked(STREAM) == 4


@pytest.mark.usefixtures("_soon")
def test_lines_that_cannot_be_read_are_counted_and_the_stream_goes_on(stream):
    now = SystemClock().now()
    with XServer([]) as server:
        server.live = [b"{torn", b"[1]", b'{"data": 5}', a_post(now, "whatsapp is down", 1)]
        outcome, store = stream(server, lambda o: o.posts >= 1)

    assert len(store.posts()) == 1
    assert outcome.skipped >= 2


@pytest.mark.usefixtures("_soon")
def test_a_rule_that_x_does_not_take_needs_its_user(stream):
    bad = {
        "meta": {"sent": iso(NOW)},
        "errors": [{"title": "Invalid Rule", "detail": "no", "type": "about:blank"}],
    }
    with XServer([]) as server:
        server.faults = [Fault(path="-"), Fault(path=RULES), Fault(body=bad, path=RULES)]
        outcome, _ = stream(server, lambda _: False)

    assert isinstance(outcome.error, RefusedError)
    assert "x.via=search" in str(outcome.error)


def test_a_stream_has_no_budget_and_a_setting_that_is_none_is_refused(run, path, labeller):
    with XServer([]) as server:
        for settings, budget in [
            ({"via": "stream", "sample": "off"}, {"x": 10**6}),
            ({"via": "carrier pigeon"}, {}),
            ({"slice": "0"}, {}),
        ]:
            with pytest.raises(UsageError, match=r"via|slice"):
                run(server, settings=settings, budgets=budget)
    assert server.requests == []


def test_a_search_is_paid_before_and_what_did_not_come_is_paid_back(run):
    with XServer(made_posts(30), size=10) as server:
        server.faults = [Fault(), Fault(503)]
        _, store = run(server)
        status = store.status(NOW)

    (spend,) = status["spend"]
    assert spend["micros"] == server.bill == POST * sum(1 for _ in range(server.bill // POST))
    assert server.n_asked(RECENT_COUNTS) == 0
    assert server.n_asked(SEARCH) == len(server.requests)
    assert id_at(NOW)
