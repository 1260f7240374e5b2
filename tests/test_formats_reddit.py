from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from miner.post import hash_author


def comment(**changes: Any) -> dict[str, Any]:
    record = {
        "id": "d88zq3w",
        "created_utc": 1475280000,
        "author": "ann",
        "body": "whatsapp is down",
        "parent_id": "t1_d88zo95",
        "link_id": "t3_55aife",
        "retrieved_on": 1478225196,
    } | changes
    return {name: value for name, value in record.items() if value is not ...}


def submission(**changes: Any) -> dict[str, Any]:
    return {
        "id": "55aife",
        "created_utc": "1475280000",
        "author": "ann",
        "title": "whatsapp",
        "selftext": "is it down?",
        "is_self": True,
    } | changes


def listing(*children: Any) -> dict[str, Any]:
    return {"kind": "Listing", "data": {"children": list(children)}}


def test_every_column_of_a_comment(read_records):
    reading = read_records(comment())

    assert reading.only == {
        "source": "reddit",
        "post_id": "t1_d88zq3w",
        "created_at": pd.Timestamp("2016-10-01T00:00:00Z"),
        "observed_at": None,
        "author": hash_author("ann", b"key of the tests"),
        "text": "whatsapp is down",
        "lang": None,
        "is_repost": False,
        "reply_to": "t1_d88zo95",
        "country": None,
    }
    assert reading.report.files[0].watched == {"reddit": (1475280000000000,) * 2}


def test_submissions(read_records):
    reading = read_records(
        submission(), submission(is_self=False, selftext="ad"), submission(selftext="")
    )

    assert reading.posts.text.tolist() == ["whatsapp\n\nis it down?", "whatsapp", "whatsapp"]
    assert set(reading.posts.post_id) == {"t3_55aife"}
    assert reading.posts.reply_to.isna().all()


@pytest.mark.parametrize("created", [1475280000, "1475280000", 1475280000.0, "1475280000.0"])
def test_kinds_of_created_utc(read_records, created):
    assert read_records(comment(created_utc=created)).only["created_at"] == pd.Timestamp(
        "2016-10-01T00:00:00Z"
    )


def test_name_gives_the_id(read_records):
    assert read_records(comment(id=..., name="t1_abc")).only["post_id"] == "t1_abc"


def test_text_is_unescaped_and_lines_end_alike(read_records):
    assert read_records(comment(body="a &amp; b\r\n\r\nc ")).only["text"] == "a & b\n\nc"


@pytest.mark.parametrize(
    "body", ["[deleted]", "[removed]", " [Removed]\n", "[ Removed by Reddit ]"]
)
def test_removed_content(read_records, body):
    reading = read_records(comment(id="1"), comment(body=body), submission(selftext=body))

    assert reading.skipped == {"removed content": 2}


def test_deleted_author_is_nobody(read_records):
    assert read_records(comment(author="[deleted]")).only["author"] is None


def test_listings_with_replies(read_records):
    replies = listing({"kind": "t1", "data": comment(id="2")}, {"kind": "more", "data": {}})
    page = listing(
        {"kind": "t3", "data": submission()},
        {"kind": "t1", "data": comment(id="1", replies=replies)},
        {"kind": "t1", "data": comment(id="3", replies="")},
        "odd",
    )
    reading = read_records(page, [listing(), listing()])

    assert reading.posts.post_id.tolist() == ["t3_55aife", "t1_1", "t1_2", "t1_3"]
    assert reading.skipped == {"not a post: more": 1, "not an object": 1, "empty page": 2}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None}, "no id"),
        ({"created_utc": None}, "unreadable time"),
        ({"created_utc": True}, "unreadable time"),
        ({"created_utc": "soon"}, "unreadable time"),
        ({"created_utc": 1e300}, "unreadable time"),
        ({"created_utc": 5}, "implausible time"),
        ({"body": None}, "no text"),
        ({"body": ["a"]}, "no text"),
    ],
)
def test_what_is_skipped(read_records, changes, reason):
    assert read_records(comment(), comment(**changes)).skipped == {reason: 1}


#: Lines, posts and skips of each cassette; the first answer is always a login.
COUNTS = {
    "TestSubreddit.test_search": (2, 6, {"unknown record": 1}),
    "TestSubredditListings.test_comments": (2, 100, {"unknown record": 1}),
    "TestSubredditListings.test_new": (2, 100, {"unknown record": 1}),
    "TestSubredditStreams.test_comments": (22, 1193, {"unknown record": 1, "empty page": 6}),
    "TestSubredditStreams.test_submissions": (3, 104, {"unknown record": 1}),
}


@pytest.mark.fixtures
class TestRecordings:
    @pytest.mark.parametrize(
        ("name", "posts"),
        [("RC_2016-10_sample", 4), ("RC_2007_2011_2015_string_created_utc", 2)],
    )
    def test_pushshift(self, fixtures_dir, read, name, posts):
        reading = read(fixtures_dir / "pushshift" / f"{name}.ndjson")

        assert (len(reading.posts), reading.skipped) == (posts, {})
        assert not reading.posts.text.str.contains("\r", regex=False).any()
        assert reading.posts.created_at.max().year <= 2016

    @pytest.mark.parametrize("name", COUNTS)
    def test_cassettes(self, fixtures_dir, bodies, read_bytes, name):
        answers = bodies(fixtures_dir / "reddit" / f"{name}.json")
        report = read_bytes("\n".join(answers).encode()).report.files[0]

        assert (report.lines, report.posts, dict(report.skipped)) == COUNTS[name]

    def test_all_recordings_are_counted(self, fixtures_dir):
        assert {path.stem for path in (fixtures_dir / "reddit").iterdir()} == set(COUNTS)
