from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pandas as pd
import pytest
from miner.post import hash_author

AT = "Tue Mar 05 15:04:05 +0000 2024"


def tweet(**changes: Any) -> dict[str, Any]:
    record = {
        "created_at": AT,
        "id": 1765034400000000001,
        "id_str": "1765034400000000001",
        "text": "whatsapp is down",
        "truncated": False,
        "user": {"id_str": "42", "screen_name": "ann"},
        "lang": "en",
        "place": None,
        "in_reply_to_status_id_str": None,
    } | changes
    return {name: value for name, value in record.items() if value is not ...}


def test_every_column(read_records):
    reading = read_records(
        tweet(place={"country_code": "de"}, in_reply_to_status_id_str="7", lang="EN-gb")
    )

    assert reading.only == {
        "source": "x",
        "post_id": "1765034400000000001",
        "created_at": pd.Timestamp("2024-03-05T15:04:05Z"),
        "observed_at": None,
        "author": hash_author("42", b"key of the tests"),
        "text": "whatsapp is down",
        "lang": "en",
        "is_repost": False,
        "reply_to": "7",
        "country": "DE",
    }
    assert reading.report.files[0].formats == ["twitter_v1"]


def test_rounded_number_loses_to_id_str(read_records):
    reading = read_records(tweet(id=872836479608733700, id_str="872836479608733696"))

    assert reading.only["post_id"] == "872836479608733696"


def test_number_serves_where_id_str_is_missing(read_records):
    assert read_records(tweet(id_str=..., id=12)).only["post_id"] == "12"


@pytest.mark.parametrize(
    ("texts", "expected", "notes"),
    [
        ({"text": "cut…", "truncated": True, "extended_tweet": {"full_text": "all"}}, "all", {}),
        ({"text": "cut…", "full_text": "full"}, "full", {}),
        ({"text": ..., "full_text": "full"}, "full", {}),
        ({"full_text": "full", "extended_tweet": {"full_text": "all"}}, "all", {}),
        ({"text": "cut…", "truncated": True}, "cut…", {"text truncated by the platform": 1}),
        ({"text": "AT&amp;T &lt;3"}, "AT&T <3", {}),
    ],
)
def test_order_of_texts(read_records, texts, expected, notes):
    reading = read_records(tweet(**texts))

    assert reading.only["text"] == expected
    assert dict(reading.report.notes) == notes


def test_repost_has_own_id_and_full_text_of_the_original(read_records):
    original = tweet(
        id_str="5",
        created_at="Mon Mar 04 00:00:00 +0000 2024",
        text="cut…",
        truncated=True,
        extended_tweet={"full_text": "all of it"},
    )
    reading = read_records(tweet(text="RT @ann: cut…", retweeted_status=original))

    assert reading.only["post_id"] == "1765034400000000001"
    assert reading.only["text"] == "all of it"
    assert reading.only["is_repost"] is True
    (watched,) = reading.report.files[0].watched.values()
    assert watched == (1709651045000000, 1709651045000000)


def test_stream_notices(read_records):
    reading = read_records(
        {"delete": {"status": {"id": 9, "id_str": "9"}, "timestamp_ms": "1709651045123"}},
        {"delete": {"status": {}}},
        {"limit": {"track": 3, "timestamp_ms": "1709651046000"}},
        {"warning": {"code": "FALLING_BEHIND"}},
        {"scrub_geo": {"user_id": 1}},
        {"status_withheld": {"id": 1}},
        {"disconnect": {"code": 4}},
    )

    assert reading.deleted == [("x", "9")]
    assert reading.skipped == {
        "delete notice without id": 1,
        "limit notice": 1,
        "warning notice": 1,
        "scrub_geo notice": 1,
        "status_withheld notice": 1,
        "disconnect notice": 1,
    }
    assert reading.report.files[0].watched == {"x": (1709651045123000, 1709651046000000)}


def test_search_page(read_records):
    page = {"statuses": [tweet(), tweet(id_str="2"), "odd"], "search_metadata": {}}
    reading = read_records(page, {"statuses": [], "search_metadata": {}})

    assert len(reading.posts) == 2
    assert reading.skipped == {"not an object": 1, "empty page": 1}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None, "id_str": None}, "no id"),
        ({"id": 1.5, "id_str": ["1"]}, "no id"),
        ({"created_at": "yesterday"}, "unreadable time"),
        ({"created_at": 5}, "unreadable time"),
        ({"created_at": "Tue Feb 30 15:04:05 +0000 2024"}, "unreadable time"),
        ({"created_at": "Tue Mar 05 25:04:05 +0000 2024"}, "unreadable time"),
        ({"created_at": "Thu Jan 01 00:00:00 +0000 1970"}, "implausible time"),
        ({"text": ["whatsapp"]}, "no text"),
        ({"text": None}, "no text"),
    ],
)
def test_what_is_skipped(read_records, changes, reason):
    assert read_records(tweet(id_str="good"), tweet(**changes)).skipped == {reason: 1}


@pytest.mark.parametrize("user", [None, [], "ann", {"id": None}, {"id": 1.5}])
def test_author_may_be_unknown(read_records, user):
    assert read_records(tweet(user=user)).only["author"] is None


@pytest.mark.parametrize("offset", ["+0130", "-0130"])
def test_offsets_are_honoured(read_records, offset):
    reading = read_records(tweet(created_at=f"Tue Mar 05 15:04:05 {offset} 2024"))

    expected = pd.Timestamp(f"2024-03-05T15:04:05{offset}")
    assert reading.only["created_at"] == expected


@pytest.mark.fixtures
class TestRecordings:
    def test_original_format_examples(self, fixtures_dir, read):
        reading = read(fixtures_dir / "twitter_v1" / "original_format_examples.json")

        assert (len(reading.posts), reading.skipped, reading.report.notes) == (25, {}, Counter())
        assert reading.posts.is_repost.sum() == 3
        assert reading.posts.country.value_counts().to_dict() == {"CL": 13, "US": 2}
        assert not reading.posts.text.str.contains("&amp;", regex=False).any()

    def test_ids_of_the_public_sample_are_not_the_rounded_ones(self, fixtures_dir, read):
        path = fixtures_dir / "twitter_v1" / "public_api_sample.json"
        records = [json.loads(line) for line in path.read_text().splitlines()]
        reading = read(path)

        assert (len(reading.posts), reading.skipped) == (20, {})
        assert reading.posts.post_id.tolist() == [record["id_str"] for record in records]
        assert sum(str(record["id"]) != record["id_str"] for record in records) == 19
        # five posts, and the original of one repost
        assert reading.report.notes == {"text truncated by the platform": 6}

    def test_search_page(self, fixtures_dir, bodies, read_bytes):
        (body,) = bodies(fixtures_dir / "tweepy" / "testsearchtweets_v1.1.json")
        reading = read_bytes(body.encode())

        assert (len(reading.posts), reading.skipped) == (15, {})
        assert reading.report.notes == {"text truncated by the platform": 5}
