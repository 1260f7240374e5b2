from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from miner.post import hash_author

FIRST, SECOND = "1576994746135764992", "1576994789110992896"


def post(**changes: Any) -> dict[str, Any]:
    record = {
        "id": "1501963039859363843",
        "text": "whatsapp is down",
        "created_at": "2022-03-10T16:47:48.000Z",
        "author_id": "42",
        "lang": "en",
    } | changes
    return {name: value for name, value in record.items() if value is not ...}


def page(*posts: Any, **more: Any) -> dict[str, Any]:
    return {"data": list(posts), **more}


def test_every_column(read_records):
    reading = read_records(
        page(
            post(
                geo={"place_id": "p1"},
                referenced_tweets=[
                    {"type": "quoted", "id": "5"},
                    {"type": "replied_to", "id": "7"},
                ],
            ),
            includes={"places": [{"id": "p1", "country_code": "DE"}]},
            __twarc={"retrieved_at": "2030-01-01T00:00:00Z"},
        )
    )

    assert reading.only == {
        "source": "x",
        "post_id": "1501963039859363843",
        "created_at": pd.Timestamp("2022-03-10T16:47:48Z"),
        "observed_at": None,
        "author": hash_author("42", b"key of the tests"),
        "text": "whatsapp is down",
        "lang": "en",
        "is_repost": False,
        "reply_to": "7",
        "country": "DE",
    }
    start = 1646930868000000
    assert reading.report.files[0].watched == {"x": (start, start)}


def test_one_outcome_for_each_element_and_each_error(read_records):
    reading = read_records(
        page(post(), 3, errors=[{"title": "Forbidden"}, "odd"]),
        page(meta={"result_count": 0}),
        {"meta": {"result_count": 0}},
    )

    assert len(reading.posts) == 1
    assert reading.skipped == {
        "not an object": 1,
        "platform error: Forbidden": 1,
        "platform error: untitled": 1,
        "empty page": 2,
    }


@pytest.mark.parametrize(
    ("references", "includes"),
    [
        ("referenced_tweets", "tweets"),
        ("referenced_posts", "posts"),
        ("referenced_posts", "tweets"),
    ],
)
def test_repost_takes_its_text_from_the_includes(read_records, references, includes):
    repost = post(text="RT @ann: what…", **{references: [{"type": "retweeted", "id": "5"}]})
    original = {"id": "5", "text": "whatsapp &amp; more", "created_at": "2001-01-01T00:00:00Z"}
    reading = read_records(page(repost, includes={includes: [original]}))

    assert reading.only["text"] == "whatsapp & more"
    assert reading.only["is_repost"] is True
    assert reading.only["post_id"] == "1501963039859363843"
    assert reading.report.notes == {}


def test_repost_without_its_original_is_noted(read_records):
    repost = post(text="RT @ann: what…", referenced_tweets=[{"type": "retweeted", "id": "5"}])
    reading = read_records(page(repost))

    assert reading.only["text"] == "RT @ann: what…"
    assert reading.report.notes == {"text truncated by the platform": 1}


@pytest.mark.parametrize("note", ["note_tweet", "note_post"])
def test_long_post(read_records, note):
    assert read_records(page(post(**{note: {"text": "long"}}))).only["text"] == "long"


def test_stream_line_holds_one_object(read_records):
    reading = read_records({"data": post(), "matching_rules": [{"id": 1, "tag": "a"}]})

    assert reading.only["text"] == "whatsapp is down"


def test_flattened_line(read_records):
    flat = post(
        author={"id": "42", "username": "ann"},
        geo={"place_id": "p1", "country_code": "fr"},
        referenced_tweets=[{"type": "retweeted", "id": "5", "text": "all of it"}],
    )
    reading = read_records(flat)

    assert reading.only["country"] == "FR"
    assert reading.only["text"] == "all of it"
    assert reading.report.files[0].formats == ["twitter_v2"]


@pytest.mark.parametrize("history", ["edit_history_tweet_ids", "edit_history_post_ids"])
def test_versions_of_an_edited_post_share_key_and_time(read_records, history):
    reading = read_records(
        page(
            post(id=FIRST, created_at="2022-10-03T17:57:01.000Z", **{history: [FIRST]}),
            post(id=SECOND, created_at="2022-10-03T17:57:11.000Z", **{history: [FIRST, SECOND]}),
        )
    )

    assert set(reading.posts.post_id) == {FIRST}
    assert set(reading.posts.created_at) == {pd.Timestamp("2022-10-03T17:57:01Z")}


def test_time_is_taken_from_the_id_where_it_was_not_asked_for(read_records):
    reading = read_records(page(post(id=FIRST, created_at=...)))

    assert reading.only["created_at"] == pd.Timestamp("2022-10-03T17:57:01Z")


@pytest.mark.parametrize("count", ["tweet_count", "post_count"])
def test_counts_page(read_records, count):
    counts = {"data": [{"start": "a", "end": "b", count: 3}] * 2, "meta": {}}

    assert read_records(page(post()), counts).skipped == {"counts page": 1}


def test_compliance_lines_delete_and_do_not_show_watching(read_records):
    reading = read_records(
        {"id": "9", "action": "delete", "created_at": "2019-09-06T17:25:54.667Z", "reason": "x"},
        {"id": "8", "action": "scrub_geo"},
        {"data": {"delete": {"tweet": {"id": "7"}, "event_at": "2022-03-10T16:47:48Z"}}},
        {"data": {"user_delete": {"user": {"id": "7"}}}},
    )

    assert reading.deleted == [("x", "9"), ("x", "7")]
    assert reading.skipped == {"compliance notice": 2}
    assert reading.report.files[0].watched == {"x": (1646930868000000, 1646930868000000)}


def test_error_objects(read_records):
    reading = read_records(
        page(post()),
        {"errors": [{"title": "operational-disconnect"}]},
        {"title": "ConnectionException", "detail": "d", "type": "t", "status": 429},
    )

    assert reading.skipped == {"platform error: operational-disconnect": 1, "error message": 1}


@pytest.mark.parametrize("lang", ["und", "qst", "qme", "zxx", "art", "", None, 5, ["en"]])
def test_codes_that_name_no_language(read_records, lang):
    assert read_records(page(post(lang=lang))).only["lang"] is None


@pytest.mark.parametrize(("lang", "expected"), [("in", "id"), ("iw", "he"), ("zh-TW", "zh")])
def test_languages(read_records, lang, expected):
    assert read_records(page(post(lang=lang))).only["lang"] == expected


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None}, "no id"),
        ({"id": 1.5}, "no id"),
        ({"created_at": "2101-01-01T00:00:00Z"}, "implausible time"),
        ({"created_at": None, "id": "x"}, "no time"),
        ({"created_at": "soon"}, "unreadable time"),
        ({"created_at": "2022-03-10T16:47:48"}, "unreadable time"),
        ({"created_at": "1999-03-10T16:47:48Z"}, "implausible time"),
        ({"text": 5}, "no text"),
    ],
)
def test_what_is_skipped(read_records, changes, reason):
    assert read_records(page(post(), post(**changes))).skipped == {reason: 1}


def test_wrong_types_everywhere(read_records):
    odd = post(
        author_id=[],
        geo=[],
        referenced_tweets=[None, {"type": []}, {"type": "retweeted"}],
        edit_history_tweet_ids=[None],
        note_tweet=[],
    )
    reading = read_records(page(odd, includes={"tweets": [3, {"id": []}], "places": {}}, errors={}))

    assert reading.only["is_repost"] is True


COUNTS = {
    "cashtags": (1, 0, {}),
    "cotweet": (1, 0, {}),
    "counts": (0, 0, {"counts page": 1}),
    "edited": (1, 0, {}),
    "edited_after": (1, 0, {}),
    "edited_before": (1, 0, {}),
    "flat_3": (3, 0, {}),
    "geo_tweets": (2, 0, {}),
    "many_urls": (1, 0, {}),
    "media_tweet": (1, 0, {}),
    "noflat_page1": (100, 0, {"platform error: Forbidden": 1}),
    "quoted_edit": (1, 0, {}),
    "streaming_output_with_error": (7, 0, {"torn last line": 1}),
    "tweets_compliance": (0, 2, {}),
    "two_tweets": (1, 0, {}),
}


@pytest.mark.fixtures
class TestRecordings:
    @pytest.mark.parametrize("name", COUNTS)
    def test_counts(self, fixtures_dir, read, name):
        reading = read(fixtures_dir / "twarc2" / f"{name}.jsonl")

        counts = (len(reading.posts), len(reading.deleted), reading.skipped)
        assert counts == COUNTS[name]
        assert reading.report.files[0].formats == ["twitter_v2"]

    def test_all_recordings_are_counted(self, fixtures_dir):
        assert {path.stem for path in (fixtures_dir / "twarc2").iterdir()} == set(COUNTS)

    def test_reposts_have_the_text_of_their_originals(self, fixtures_dir, read):
        path = fixtures_dir / "twarc2" / "noflat_page1.jsonl"
        page = json.loads(path.read_text())
        originals = {item["id"]: item["text"] for item in page["includes"]["tweets"]}
        reading = read(path)
        reposts = reading.posts[reading.posts.is_repost]

        assert len(reposts) == 47
        assert not reposts.text.str.endswith("…").any()
        assert max(map(len, originals.values())) >= reposts.text.str.len().max() > 140

    def test_versions_before_and_after_an_edit(self, fixtures_dir, read):
        before = read(fixtures_dir / "twarc2" / "edited_before.jsonl").only
        after = read(fixtures_dir / "twarc2" / "edited_after.jsonl").only

        assert (before["post_id"], before["created_at"]) == (after["post_id"], after["created_at"])
        assert before["text"] != after["text"]

    def test_country(self, fixtures_dir, read):
        reading = read(fixtures_dir / "twarc2" / "geo_tweets.jsonl")

        assert "DE" in set(reading.posts.country)

    @pytest.mark.parametrize("name", ["search_all_tweets", "search_recent_tweets"])
    def test_search_without_created_at(self, fixtures_dir, bodies, read_bytes, name):
        (body,) = bodies(fixtures_dir / "tweepy" / f"test_client_{name}.yaml")
        reading = read_bytes(body.encode())

        assert (len(reading.posts), reading.skipped) == (10, {})
        assert set(reading.posts.created_at.dt.strftime("%Y-%m-%d")) <= {"2022-10-07", "2022-10-08"}

    @pytest.mark.parametrize("name", ["get_all_tweets_count", "get_recent_tweets_count"])
    def test_counts_pages(self, fixtures_dir, bodies, read_bytes, name):
        (body,) = bodies(fixtures_dir / "tweepy" / f"test_client_{name}.yaml")

        assert read_bytes(body.encode()).skipped == {"counts page": 1}
