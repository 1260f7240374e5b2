from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from miner.formats.html_text import html_to_text
from miner.post import hash_author


def status(**changes: Any) -> dict[str, Any]:
    record = {
        "id": "110446223051565765",
        "created_at": "2024-03-05T15:04:05.123Z",
        "in_reply_to_id": None,
        "spoiler_text": "",
        "visibility": "public",
        "language": "en",
        "content": "<p>whatsapp is down</p>",
        "reblog": None,
        "account": {"id": "1", "acct": "ann", "url": "https://a.example/@ann"},
    } | changes
    return {name: value for name, value in record.items() if value is not ...}


def test_every_column(read_records):
    reading = read_records(status(in_reply_to_id="7"))

    assert reading.only == {
        "source": "mastodon",
        "post_id": "110446223051565765",
        "created_at": pd.Timestamp("2024-03-05T15:04:05.123Z"),
        "observed_at": None,
        "author": hash_author("https://a.example/@ann", b"key of the tests"),
        "text": "whatsapp is down",
        "lang": "en",
        "is_repost": False,
        "reply_to": "7",
        "country": None,
    }
    assert reading.report.files[0].formats == ["mastodon"]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>one<br />two</p><p>three</p>", "one\ntwo\n\nthree"),
        ("<p>it&#39;s &amp; &lt;3</p>", "it's & <3"),
        ('<a href="x">#<span>down</span></a> now', "#down now"),
        (
            '<span class="invisible">https://</span><span class="ellipsis">a.example/lo</span>ng',
            "https://a.example/long",
        ),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("plain &amp; simple", "plain & simple"),
        ("a<![if x]>b", "ab"),
        ("<p>" + "x" * 200_000 + "</p>", "x" * 200_000),
        ("", ""),
    ],
)
def test_html_to_text(markup, expected):
    assert html_to_text(markup) == expected


def test_content_warning_comes_first(read_records):
    assert read_records(status(spoiler_text="rant")).only["text"] == "rant\n\nwhatsapp is down"


def test_boost(read_records):
    original = status(id="5", content="<p>all of it</p>", language="de")
    reading = read_records(status(content="", language=None, reblog=original))

    assert reading.only["text"] == "all of it"
    assert reading.only["lang"] == "de"
    assert reading.only["is_repost"] is True
    assert reading.only["post_id"] == "110446223051565765"


def test_lists_search_results_threads(read_records):
    reading = read_records(
        [status(), status(id="2")],
        [],
        {"accounts": [], "statuses": [status(id="3"), None], "hashtags": []},
        {"ancestors": [status(id="4")], "descendants": []},
        {"accounts": [], "statuses": [], "hashtags": []},
    )

    assert reading.posts.post_id.tolist() == ["110446223051565765", "2", "3", "4"]
    assert reading.skipped == {"empty page": 2, "not an object": 1}


def test_stream_lines(read_records):
    reading = read_records(
        {"event": "update", "payload": status()},
        {"stream": ["public"], "event": "status.update", "payload": json.dumps(status())},
        {"event": "delete", "payload": "9"},
        {"event": "delete", "payload": None},
        {"event": "notification", "payload": "{}"},
        {"event": "update", "payload": "{torn"},
        {"event": "update", "payload": 5},
    )

    assert len(reading.posts) == 2
    assert reading.deleted == [("mastodon", "9")]
    assert reading.skipped == {
        "no id": 1,
        "not a post: notification": 1,
        "payload is not JSON": 1,
        "not an object": 1,
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None}, "no id"),
        ({"created_at": None}, "unreadable time"),
        ({"created_at": "1980-01-01T00:00:00Z"}, "implausible time"),
        ({"content": 5}, "no text"),
        ({"visibility": "private"}, "not public"),
        ({"visibility": "direct"}, "not public"),
        ({"visibility": []}, "not public"),
    ],
)
def test_what_is_skipped(read_records, changes, reason):
    assert read_records(status(id="good"), status(**changes)).skipped == {reason: 1}


def test_wrong_types_everywhere(read_records):
    reading = read_records(status(account=[], reblog=3, language={}, spoiler_text=None))

    assert (reading.only["author"], reading.only["lang"]) == (None, None)


def test_answer_to_a_deletion_holds_the_source_text(read_records):
    assert read_records(status(content=..., text="typed")).only["text"] == "typed"


#: Lines, posts and skips of each cassette; the rest of their answers are no statuses.
COUNTS = {
    "test_entity_context": (1, 0, {"not public": 2}),
    "test_entity_searchv2": (3, 2, {"unknown record": 2}),
    "test_entity_status": (2, 2, {}),
    "test_entity_statusedit": (2, 0, {"no id": 4}),
    "test_fetch_remaining": (65, 90, {"unknown record": 1, "empty page": 1}),
    "test_hashtag_tl": (4, 3, {"unknown record": 1}),
    "test_pagination_iterator": (70, 110, {"unknown record": 1, "empty page": 4}),
    "test_search": (3, 0, {"empty page": 3}),
    "test_status_card": (3, 3, {}),
    "test_stream_user_local": (6, 2, {"unknown record": 4}),
}


def stream_line(body: str) -> str:
    """A server-sent event as a stream line; other bodies on one line."""
    if not body.startswith(":)"):
        return json.dumps(json.loads(body))
    fields = dict(line.split(": ", 1) for line in body.splitlines() if ": " in line)
    return json.dumps({"event": fields["event"], "payload": fields["data"]})


@pytest.mark.fixtures
class TestRecordings:
    @pytest.mark.parametrize("name", COUNTS)
    def test_counts(self, fixtures_dir, bodies, read, tmp_path, name):
        answers = bodies(fixtures_dir / "mastodon" / f"{name}.yaml")
        path = tmp_path / "answers.jsonl"
        path.write_text("\n".join(map(stream_line, answers)))
        # Recordings without a single public status are refused when read alone.
        (tmp_path / "more.jsonl").write_text(json.dumps(status()))
        reading = read([path, tmp_path / "more.jsonl"])
        report = reading.report.files[0]

        assert (report.lines, report.posts, dict(report.skipped)) == COUNTS[name]
        assert not reading.posts.text.str.contains("<", regex=False).any()

    def test_all_recordings_are_counted(self, fixtures_dir):
        assert {path.stem for path in (fixtures_dir / "mastodon").iterdir()} == set(COUNTS)

    def test_hashtags_are_joined(self, fixtures_dir, bodies, read_bytes):
        (body, *_) = bodies(fixtures_dir / "mastodon" / "test_fetch_remaining.yaml")

        assert (
            "#fgiztsshwiaqqiztpmmjbtvmescsculuvmgjgopwoeidbcrixp"
            in read_bytes(body.encode()).only["text"]
        )
