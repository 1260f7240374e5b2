"""Bluesky's stream, over real sockets."""

import json

import pandas as pd
import pytest
from miner.collector import Labeller, Options, collect
from miner.errors import RefusedError, UnavailableError, UsageError
from miner.lexicon import load_lexicon
from miner.sources.bluesky import Bluesky
from miner.sources.bluesky.wire import Position, hosts_of
from miner.sources.protocol import Pull
from miner.store import Store
from miner.testing import check_source

from jetstream_server import T0, JetstreamServer, made_events, post_event

QUICK = {"idle": "0.3", "compress": "off"}


@pytest.fixture(params=["v1", "v2"])
def wire(request):
    return request.param


@pytest.fixture
def run(tmp_path, labeller):
    """Collects until caught up, and gives the outcome and the store."""

    def collect_all(url, *, attempts=4, settings=QUICK, to=None, clock=None):
        options = Options(
            catch_up=True,
            urls={"bluesky": url},
            settings={"bluesky": settings},
            attempts=attempts,
        )
        path = tmp_path / "outages.db"
        (outcome,) = collect(path, [Bluesky()], to or labeller, options, clock=clock)
        return outcome, Store(path)

    return collect_all


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch):
    import tenacity

    monkeypatch.setattr("miner.collector.retrying._backoff", tenacity.wait_fixed(0.01))
    monkeypatch.setattr("miner.collector.retrying._jitter", tenacity.wait_fixed(0.0))


def spans(store, service="whatsapp"):
    table = store.watched(service)
    return [
        (start.value // 1000, end.value // 1000)
        for start, end in zip(table["start"], table["end"], strict=True)
    ]


def settings(wire, **more):
    return {**QUICK, "wire": wire, **more}


def test_a_stream_gives_its_candidates_once_and_what_was_watched(run, wire):
    with JetstreamServer(made_events(40)) as server:
        outcome, store = run(server.url, settings=settings(wire))
        again, _ = run(server.url, settings=settings(wire))

    assert outcome.error is None
    assert (outcome.seen, outcome.posts) == (40, 20)
    assert store.posts()["text"].tolist() == [
        f"whatsapp is down again {n}" for n in range(0, 40, 2)
    ]
    assert spans(store) == [(T0, T0 + 39 * 100_000 + 1)]
    assert again.posts == 0


@pytest.mark.fixtures
@pytest.mark.parametrize("wire", ["v1", "v2"])
@pytest.mark.parametrize("is_compressed", [False, True])
def test_the_recording_of_production_comes_through_whole(fixtures_dir, wire, is_compressed):
    folder = fixtures_dir / "jetstream"
    events = [json.loads(line) for line in (folder / "expected_v1.jsonl").read_bytes().splitlines()]
    posts = [e for e in events if e.get("commit", {}).get("collection") == "app.bsky.feed.post"]
    options = {"wire": wire, "idle": "0.3"}
    if not is_compressed:
        options["compress"] = "off"
    elif wire == "v1":
        options["dictionary"] = str(folder / "legacy_subscribe.zdict")
    with JetstreamServer(
        events,
        v1_dictionary=(folder / "legacy_subscribe.zdict").read_bytes(),
        v2_dictionary=(folder / "subscribe_events_20260811.zdict").read_bytes(),
    ) as server:
        pull = Pull(("whatsapp",), url=server.url, options=options, catch_up=True)
        pages = list(Bluesky().pages(pull))

    made = [p.text for page in pages for p in page.posts]
    assert sum(page.seen for page in pages) == len(events) == 152
    assert sorted(made) == sorted(
        e["commit"]["record"]["text"] for e in posts if e["commit"]["operation"] == "create"
    )
    assert sum(len(page.deletions) for page in pages) == sum(
        e["commit"]["operation"] == "delete" for e in posts
    )
    assert not any(page.skipped for page in pages)
    assert any("zstdDictionary" in r or "compress" in r for r in server.requests) == is_compressed


def test_the_contract_of_a_source_holds(wire):
    events = [*made_events(30), post_event(T0 + 10**7, 4, "", "delete")]
    with JetstreamServer(events) as server:
        pull = Pull(("whatsapp",), url=server.url, options=settings(wire, idle="0.1"))
        check_source(Bluesky, pull)


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, "torn"])
def test_a_closed_stream_is_taken_up_again_without_loss(run, wire, code):
    with JetstreamServer(made_events(60)) as server:
        server.faults.end = [(7, code), (20, code)]
        outcome, store = run(server.url, settings=settings(wire))

    assert outcome.error is None
    assert len(store.posts()) == 30
    assert spans(store) == [(T0, T0 + 59 * 100_000 + 1)]
    assert store.gaps().empty
    assert sum("subscribe" in path for path in server.requests) == 3


def test_an_edit_replaces_the_text_and_a_deletion_takes_the_post_away(run, wire):
    events = list(made_events(10))
    events.append(post_event(T0 + 2_000_000, 0, "whatsapp works again", "update"))
    events.append(post_event(T0 + 2_100_000, 2, "what a lovely lunch", "update"))
    events.append(post_event(T0 + 2_200_000, 4, "", "delete"))
    with JetstreamServer(events) as server:
        for _ in range(2):
            _, store = run(server.url, settings=settings(wire))
        posts = store.posts()

    assert posts["text"].tolist() == [
        "whatsapp works again",
        "whatsapp is down again 6",
        "whatsapp is down again 8",
    ]
    assert posts["created_at"].iloc[0] == pd.Timestamp(T0, unit="us", tz="UTC")


@pytest.mark.parametrize(
    ("account", "n_left"),
    [
        ({"active": False, "status": "deleted"}, 3),
        ({"active": False, "status": "takendown"}, 3),
        ({"active": False, "status": "deactivated"}, 5),
        ({"active": True}, 5),
    ],
)
def test_an_account_that_is_gone_takes_its_posts_along(run, wire, account, n_left):
    texts = [f"whatsapp is down {n}" for n in range(5)]
    events = [post_event(T0 + n, n, text, did=f"did:plc:{n % 2}") for n, text in enumerate(texts)]
    gone = {"did": "did:plc:1", "time_us": T0 + 9, "kind": "account"}
    events.append({**gone, "account": {"did": "did:plc:1", **account}})
    with JetstreamServer(events) as server:
        for _ in range(2):
            _, store = run(server.url, settings=settings(wire))

    assert len(store.posts()) == n_left
    assert store.series("whatsapp", "1h")["mentions"].sum() == n_left


def test_a_deletion_that_comes_before_its_post_keeps_it_out(run):
    events = list(made_events(6))
    events.insert(0, post_event(T0, 2, "", "delete"))
    with JetstreamServer(events) as server:
        _, store = run(server.url)

    assert store.posts()["text"].tolist() == [
        "whatsapp is down again 0",
        "whatsapp is down again 4",
    ]


def test_a_cursor_older_than_the_look_back_leaves_a_gap_with_its_reason(run, wire):
    events = list(made_events(100, step=1_000_000))
    with JetstreamServer(events[:20]) as server:
        run(server.url, settings=settings(wire))
        server.events = events
        server.faults.floor = 50
        _, store = run(server.url, settings=settings(wire))

    assert spans(store) == [(T0, T0 + 19 * 10**6 + 1), (T0 + 50 * 10**6, T0 + 99 * 10**6 + 1)]
    (gap,) = store.gaps().to_dict("records")
    assert gap["end"] == pd.Timestamp(T0 + 50 * 10**6, unit="us", tz="UTC")
    assert "look-back" in gap["reason"]
    series = store.series("whatsapp", "1s")
    assert series["mentions"].isna().sum() == 30


def test_another_host_goes_on_where_the_first_one_failed(run, wire):
    with JetstreamServer(made_events(40)) as first, JetstreamServer(made_events(80)) as second:
        first.faults.end = [(15, "torn")]
        outcome, store = run(f"{first.url},{second.url}", settings=settings(wire))

    assert outcome.error is None
    assert len(store.posts()) == 40
    assert spans(store) == [(T0, T0 + 79 * 100_000 + 1)]
    assert len(second.requests) == 1
    assert f"cursor={T0 - 58_600_000}" in second.requests[0]  # a time, a minute earlier


def test_a_silent_host_is_left(run):
    with JetstreamServer(made_events(4)) as first, JetstreamServer(made_events(4)) as second:
        first.faults.is_silent = True
        quick = settings("v1", stalled="0.3", idle="30")
        pull = Pull(("whatsapp",), url=f"{first.url},{second.url}", options=quick)
        source = Bluesky()
        with pytest.raises(UnavailableError, match="sent nothing"):
            list(source.pages(pull))

        assert next(iter(source.pages(pull))).seen == 4


def test_a_service_that_comes_later_does_not_move_the_others_back(run, labeller):
    both = Labeller(["whatsapp", "instagram"], load_lexicon())
    events = list(made_events(20))
    with JetstreamServer(events[:10]) as server:
        run(server.url)
        server.events = events
        _, store = run(server.url, to=both)

    assert spans(store, "whatsapp") == [(T0, T0 + 19 * 100_000 + 1)]
    assert spans(store, "instagram") == [(T0 + 9 * 100_000, T0 + 19 * 100_000 + 1)]


def test_unreadable_frames_are_counted_and_the_rest_comes(run, wire):
    big = json.dumps(post_event(T0, 2, "whatsapp " * 400_000))
    with JetstreamServer(made_events(12)) as server:
        server.faults.instead = {
            2: big,
            3: '{torn "app.bsky.feed.post"',
            4: '["app.bsky.feed.post"]',
            5: '{"x": "app.bsky.feed.post"}',
            7: b"\x28\xb5\x2f\xfdnonsense",
        }
        outcome, store = run(server.url, settings=settings(wire))

    assert outcome.error is None
    assert outcome.skipped == 5
    assert len(store.posts()) == 4


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_host_that_is_busy_is_asked_again(run, status):
    with JetstreamServer(made_events(4)) as server:
        server.faults.refuse = [(status, {}, b"busy")] * 2
        outcome, store = run(server.url)

    assert outcome.error is None
    assert len(store.posts()) == 2
    assert len(server.requests) == 3


def test_a_host_that_stays_busy_is_given_up_and_says_why(run):
    with JetstreamServer(made_events(4)) as server:
        server.faults.refuse = [(503, {}, b"busy")] * 20
        outcome, _ = run(server.url, attempts=4)

    assert isinstance(outcome.error, UnavailableError)
    assert "503" in str(outcome.error)
    assert len(server.requests) == 4


def test_a_question_that_is_refused_is_not_asked_again(run):
    with JetstreamServer(made_events(4)) as server:
        server.faults.refuse = [(400, {}, b"invalid options")] * 20
        outcome, _ = run(server.url)

    assert isinstance(outcome.error, RefusedError)
    assert "invalid options" in str(outcome.error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["ws://127.0.0.1:9", "ws://no-such-host.invalid"])
def test_a_host_that_is_not_there_is_tried_a_bounded_number_of_times(run, url):
    outcome, store = run(url, attempts=3)

    assert isinstance(outcome.error, UnavailableError)
    assert store.posts().empty


@pytest.mark.parametrize("url", ["example.org", "ftp://example.org", "wss://example.org/other"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(UsageError):
        hosts_of(url)


def test_a_position_survives_being_written():
    position = Position(T0, "wss://example.org", 7)

    assert Position.read(position.write()) == position
