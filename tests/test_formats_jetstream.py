from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from miner.post import hash_author

SEEN = 1709651045123456
DID = "did:plc:ann"
KEY = f"at://{DID}/app.bsky.feed.post/3kabc"


def record(**changes: Any) -> dict[str, Any]:
    post = {
        "$type": "app.bsky.feed.post",
        "createdAt": "2024-03-05T15:04:03.000Z",
        "langs": ["en-US", "de"],
        "text": "whatsapp is down",
    } | changes
    return {name: value for name, value in post.items() if value is not ...}


def v1(post: Any = None, **changes: Any) -> dict[str, Any]:
    commit = {
        "rev": "r",
        "operation": "create",
        "collection": "app.bsky.feed.post",
        "rkey": "3kabc",
        "record": record() if post is None else post,
        "cid": "c",
    } | changes
    return {"did": DID, "time_us": SEEN, "kind": "commit", "commit": commit}


def v2(kind: str = "commit", **changes: Any) -> dict[str, Any]:
    return {
        "$type": f"network.bsky.jetstream.subscribeEvents#{kind}",
        "seq": 1,
        "did": DID,
        "time": "2024-03-05T15:04:05.123456Z",
        "operation": "create",
        "collection": "app.bsky.feed.post",
        "rkey": "3kabc",
        "record": record(),
    } | changes


def bare(**changes: Any) -> dict[str, Any]:
    payload = v2(**changes)
    del payload["$type"]
    return payload


@pytest.mark.parametrize(
    "event", [v1(), v2(), bare(), {"$type": "message", "payload": v2()}], ids=str
)
def test_every_column_on_both_wires(read_records, event):
    reading = read_records(event)

    assert reading.only == {
        "source": "bluesky",
        "post_id": KEY,
        "created_at": pd.Timestamp("2024-03-05T15:04:03Z"),
        "observed_at": pd.Timestamp("2024-03-05T15:04:05.123456Z"),
        "author": hash_author(DID, b"key of the tests"),
        "text": "whatsapp is down",
        "lang": "en",
        "is_repost": False,
        "reply_to": None,
        "country": None,
    }
    assert reading.report.files[0].formats == ["jetstream"]
    assert reading.report.files[0].watched == {"bluesky": (SEEN, SEEN)}


def test_update_keeps_the_key_and_delete_names_it(read_records):
    delete = v1(operation="delete")
    del delete["commit"]["record"]
    reading = read_records(v1(), v1(operation="update"), delete, v2(operation="delete"))

    assert reading.posts.post_id.tolist() == [KEY, KEY]
    assert reading.deleted == [("bluesky", KEY)] * 2


@pytest.mark.parametrize("created_at", ["1970-01-01T00:00:00Z", "2200-01-01T00:00:00+00:00"])
def test_a_lying_clock_is_kept_and_does_not_count_as_watched(read_records, created_at):
    reading = read_records(v1(record(createdAt=created_at)))

    assert reading.only["created_at"] == pd.Timestamp(created_at)
    assert reading.report.files[0].watched == {"bluesky": (SEEN, SEEN)}


@pytest.mark.parametrize("created_at", ["2024-03-05T15:04:03", "soon", None, 5, ...])
def test_an_unreadable_clock_gives_way_to_the_observed_time(read_records, created_at):
    reading = read_records(v1(record(createdAt=created_at)))

    assert reading.only["created_at"] == reading.only["observed_at"]
    assert reading.report.notes == {"unreadable time, observed time used": 1}


def test_all_events_show_watching(read_records):
    other = v1(collection="app.bsky.feed.like") | {"time_us": SEEN + 5}
    identity = {"did": DID, "time_us": SEEN - 5, "kind": "identity", "identity": {}}
    reading = read_records(
        v1(),
        other,
        identity,
        v2("account"),
        v2("sync"),
        {"did": DID, "seq": 1, "time": "2024-03-05T15:04:05.123456Z", "identity": {}},
        {"$type": "error", "error": "ConsumerTooSlow"},
    )

    assert reading.skipped == {
        "not a post: app.bsky.feed.like": 1,
        "not a post: identity": 2,
        "not a post: account": 1,
        "not a post: sync": 1,
        "stream error": 1,
    }
    assert reading.report.files[0].watched == {"bluesky": (SEEN - 5, SEEN + 5)}


def test_reasons_are_bounded(read_records):
    reading = read_records(v1(), *(v1(collection=f"c.{number}") for number in range(500)))

    assert len(reading.skipped) == 101
    assert reading.skipped["not a post: other"] == 400


def test_reply_embed_and_languages(read_records):
    reply = {"parent": {"uri": "at://p"}, "root": {"uri": "at://r"}}
    embed = {"record": {"text": "telegram is down"}}
    reading = read_records(v1(record(reply=reply, embed=embed, langs=...)))

    assert reading.only["reply_to"] == "at://p"
    assert reading.only["text"] == "whatsapp is down"
    assert reading.only["lang"] is None


def test_empty_text_is_a_post(read_records):
    assert read_records(v1(record(text=""))).only["text"] == ""


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (v1(record(text=["a"])), "no text"),
        (v1(record(text=...)), "no text"),
        (v1([]), "no text"),
        (v1(rkey=None), "no id"),
        (v1(operation="undo"), "unknown operation"),
        (v1(collection=5), "not a post: unknown"),
        (v1() | {"commit": []}, "not a post: unknown"),
        (v1() | {"kind": 5}, "not a post: unknown"),
        (v1(record(createdAt="soon")) | {"time_us": "soon"}, "unreadable time"),
        ({"$type": "message", "payload": []}, "not a post: unknown"),
    ],
)
def test_what_is_skipped(read_records, event, reason):
    assert read_records(v1(), event).skipped == {reason: 1}


def test_no_observed_time(read_records):
    reading = read_records(v1() | {"time_us": -1})

    assert reading.only["observed_at"] is None


@pytest.mark.fixtures
class TestRecordings:
    def test_golden(self, fixtures_dir, read):
        reading = read(fixtures_dir / "jetstream" / "golden_v1.jsonl")

        assert (len(reading.posts), reading.deleted) == (1, [])
        assert reading.skipped == {
            "not a post: app.bsky.feed.like": 1,
            "not a post: app.bsky.feed.repost": 1,
            "not a post: app.bsky.graph.follow": 1,
            "not a post: app.bsky.graph.block": 1,
            "not a post: app.bsky.actor.profile": 1,
            "not a post: org.hypercerts.claim.activity": 1,
            "not a post: place.stream.broadcast.origin": 1,
            "not a post: identity": 1,
            "not a post: account": 1,
        }

    def test_expected(self, fixtures_dir, read):
        path = fixtures_dir / "jetstream" / "expected_v1.jsonl"
        times = [json.loads(line)["time_us"] for line in path.read_text().splitlines()]
        reading = read(path)

        assert (len(reading.posts), len(reading.deleted)) == (17, 1)
        assert reading.skipped == {
            "not a post: app.bsky.feed.like": 105,
            "not a post: app.bsky.feed.repost": 15,
            "not a post: app.bsky.graph.follow": 9,
            "not a post: fm.teal.alpha.actor.status": 1,
            "not a post: app.bsky.graph.block": 1,
            "not a post: app.bsky.actor.status": 1,
            "not a post: identity": 1,
            "not a post: account": 1,
        }
        assert reading.report.files[0].watched == {"bluesky": (min(times), max(times))}
        assert (reading.posts.text == "").sum() == 1
        assert reading.posts.lang.isna().sum() == 1
