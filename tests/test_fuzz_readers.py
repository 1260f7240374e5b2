"""Damaged input of every kind.

Two laws. Reading ends in pages or in an :class:`~miner.errors.InputError`, never in
another exception. And nothing is lost: of ``n`` documents that were written, the
report counts ``lines == n``, and ``records == posts + deletions + skipped``, where
``records`` is the number of elements the pages hold (their errors included) plus the
number of all other documents, counted here apart from the reader.
"""

from __future__ import annotations

import bz2
import copy
import gzip
import json
import lzma
import random
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st
from miner.errors import InputError
from miner.formats import FORMATS, Deletion, Skip, recognise
from miner.post import Post, post_table
from miner.sources.archive import Report, read_pages
from miner.sources.parsing import parse

from conftest import FIXTURES

SEEDS: list[dict[str, Any]] = [
    {
        "created_at": "Tue Mar 05 15:04:05 +0000 2024",
        "id": 1765034400000000001,
        "id_str": "1765034400000000001",
        "text": "whatsapp is d…",
        "truncated": True,
        "extended_tweet": {"full_text": "whatsapp is down &amp; out"},
        "user": {"id": 42, "id_str": "42", "screen_name": "ann"},
        "retweeted_status": {"id_str": "5", "full_text": "original", "user": None},
        "place": {"country_code": "DE"},
        "in_reply_to_status_id_str": "7",
        "lang": "en",
    },
    {"delete": {"status": {"id": 9, "id_str": "9"}, "timestamp_ms": "1709651045123"}},
    {"limit": {"track": 3, "timestamp_ms": "1709651046000"}},
    {
        "data": [
            {
                "id": "1576994789110992896",
                "edit_history_tweet_ids": ["1576994746135764992", "1576994789110992896"],
                "text": "RT @bob: what…",
                "note_tweet": {"text": "long text"},
                "created_at": "2022-10-03T17:57:11.000Z",
                "author_id": "42",
                "lang": "und",
                "geo": {"place_id": "p"},
                "referenced_tweets": [{"type": "retweeted", "id": "5"}],
            },
            {"id": "3", "text": "down", "created_at": "2022-10-03T17:57:11.000Z"},
        ],
        "includes": {
            "tweets": [{"id": "5", "text": "whatsapp is down"}],
            "places": [{"id": "p", "country_code": "DE"}],
        },
        "errors": [{"title": "Forbidden"}],
        "meta": {"result_count": 2},
    },
    {"id": "9", "action": "delete", "created_at": "2019-09-06T17:25:54.667Z"},
    {
        "did": "did:plc:ann",
        "time_us": 1709651045123456,
        "kind": "commit",
        "commit": {
            "operation": "create",
            "collection": "app.bsky.feed.post",
            "rkey": "3kabc",
            "record": {
                "createdAt": "2024-03-05T15:04:03.000Z",
                "langs": ["en-US"],
                "text": "whatsapp is down",
                "reply": {"parent": {"uri": "at://p"}},
            },
        },
    },
    {
        "$type": "message",
        "payload": {
            "$type": "network.bsky.jetstream.subscribeEvents#commit",
            "seq": 1,
            "did": "did:plc:ann",
            "time": "2024-03-05T15:04:05.123456Z",
            "operation": "delete",
            "collection": "app.bsky.feed.post",
            "rkey": "3kabc",
        },
    },
    {
        "id": "110446223051565765",
        "created_at": "2024-03-05T15:04:05.123Z",
        "spoiler_text": "rant",
        "visibility": "public",
        "language": "en",
        "content": "<p>whatsapp is <br />down &amp; <span>out</span></p>",
        "reblog": {"content": "<p>original</p>", "language": "de"},
        "account": {"acct": "ann"},
    },
    {"event": "update", "payload": '{"id": "1", "content": "<p>a</p>"}'},
    {"event": "delete", "payload": "9"},
    {
        "id": "d88zq3w",
        "created_utc": "1475280000",
        "author": "ann",
        "body": "whatsapp is down\r\n",
        "parent_id": "t1_d88zo95",
    },
    {
        "kind": "Listing",
        "data": {
            "children": [
                {"kind": "t3", "data": {"id": "1", "created_utc": 1475280000, "title": "down"}},
                {"kind": "more", "data": {}},
            ]
        },
    },
    {
        "created_at": "2024-03-05T15:04:05Z",
        "text": "whatsapp is down",
        "source": "shop",
        "author": "ann",
        "is_repost": "no",
        "service": "whatsapp",
    },
]

#: Values that have broken readers of JSON before.
ODD: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    5,
    1.5,
    1e308,
    -1e400,
    float("nan"),
    2**63,
    10**30,
    "",
    " ",
    "0",
    "9" * 40,
    "NaN",
    "\x00",
    "\ud800",
    "😀" * 50,
    "<![x[",
    "&#xD800;&#1114112;",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "Thu Jan 01 00:00:00 +0000 0001",
    "2024-03-05T15:04:05",
    [],
    [[]],
    {},
    {"id": {}},
    ["a", None, {}],
    {"": ""},
]


def real_records() -> list[dict[str, Any]]:
    """Lines of the recordings, where they are present."""
    files = [
        path
        for name in ("twarc2", "twitter_v1", "jetstream", "pushshift")
        for path in sorted((FIXTURES / name).glob("*.*json*"))
    ]
    found = []
    for path in files:
        for line in path.read_bytes().splitlines()[:12]:
            value = parse(line, Counter())
            if isinstance(value, dict) and 10 < len(line) < 40_000:
                found.append(value)
    return found


RECORDS = SEEDS + real_records()


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container inside a value with every key of it."""
    found, waiting = [], [value]
    while waiting:
        container = waiting.pop()
        keys = list(container) if isinstance(container, dict) else range(len(container))
        for key in keys:
            found.append((container, key))
            if isinstance(container[key], (dict, list)):
                waiting.append(container[key])
    return found


def mutate(record: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A copy with some keys dropped, values swapped for odd ones, or parts grafted in."""
    record = copy.deepcopy(record)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        spots = places(record)
        if not spots:
            break
        container, key = chance.choice(spots)
        kind = chance.random()
        if kind < 0.25 and isinstance(container, dict):
            del container[key]
        elif kind < 0.75:
            container[key] = copy.deepcopy(chance.choice(ODD))
        elif kind < 0.85:
            graft, other = chance.choice(places(chance.choice(SEEDS)))
            container[key] = copy.deepcopy(graft[other])
        elif isinstance(container[key], str):
            text = container[key]
            at = chance.randrange(len(text) + 1)
            container[key] = (
                text[:at] + chance.choice(("", "\ud83d", "<", "&", "\n", "9")) + text[at + 1 :]
            )
        else:
            container[chance.choice(spots)[1] if isinstance(container, dict) else key] = 7
    return record


def damage(content: bytes, chance: random.Random) -> bytes:
    """A copy with bytes flipped, cut out, repeated or put in."""
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        at, end = sorted(chance.randrange(len(content) + 1) for _ in range(2))
        end = min(end, at + 40)
        kind = chance.random()
        if kind < 0.4:
            flipped = bytes([chance.randrange(256)])
            content = content[:at] + flipped + content[at + 1 :]
        elif kind < 0.6:
            content = content[:at] + content[end:]
        elif kind < 0.8:
            content = content[:end] + content[at:]
        else:
            put = chance.choice(
                (b"{", b"}", b"[", b"]", b'"', b"\\", b"\n", b"\0", b"\xff", b"\xed\xa0")
            )
            content = content[:at] + put * chance.choice((1, 1, 300)) + content[at:]
    return content


def dump(record: Any) -> bytes:
    return json.dumps(record).encode()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "file"


def read_all(path: Path, content: bytes, **options: Any) -> Report | None:
    """The report, checked for what it must add up to; None if the file was refused."""
    path.write_bytes(content)
    report = Report()
    posts = deleted = 0
    try:
        for page in read_pages(path, report=report, **options):
            posts += len(page.posts)
            deleted += len(page.deleted)
            "".join(page.posts.text).encode()
            page.posts.created_at.astype(str)
    except InputError:
        return None
    (file,) = report.files
    assert (file.posts, file.deletions) == (posts, deleted)
    assert file.records == file.posts + file.deletions + file.skipped.total()
    assert file.records >= file.lines
    json.dumps(report.to_json(), allow_nan=False).encode()
    report.summary().encode()
    return report


many = settings(max_examples=60, deadline=None)
seeds = st.integers(0, 2**32)


@many
@given(seeds)
def test_every_recognised_record_has_an_outcome(seed):
    """6,000 records, each read by every format that recognises it."""
    chance = random.Random(seed)
    posts = []
    for _ in range(100):
        record = parse(dump(mutate(chance.choice(RECORDS), chance)), Counter())
        recognise(record)
        for known in FORMATS.values():
            if known.recognise(record):
                outcomes = list(known.read(record, b"key"))
                assert outcomes
                assert all(isinstance(outcome, (Post, Deletion, Skip)) for outcome in outcomes)
                posts += [outcome for outcome in outcomes if isinstance(outcome, Post)]
    assert len(post_table(posts)) == len(posts)


@many
@given(seeds)
def test_mutated_lines_are_all_counted(path, seed):
    """6,000 lines; the first is whole, so that the file is told by it."""
    chance = random.Random(seed)
    lines = [mutate(chance.choice(RECORDS), chance) for _ in range(100)]
    report = read_all(path, b"\n".join(map(dump, [SEEDS[0], *lines])))

    assert report is not None
    assert report.files[0].lines == 101


@many
@given(seeds)
def test_elements_of_pages_are_all_counted(path, seed):
    """Pages whose elements are mutated and whose frames are whole: the law in full."""
    chance = random.Random(seed)
    pages: list[Any] = []
    expected = 0
    for _ in range(10):
        elements = [
            mutate(chance.choice(RECORDS), chance) if chance.random() < 0.9 else chance.choice(ODD)
            for _ in range(chance.randrange(1, 8))
        ]
        frame = chance.randrange(4)
        if frame == 0:
            errors = [chance.choice(ODD) for _ in range(chance.randrange(3))]
            elements.insert(0, SEEDS[3]["data"][0])  # or it would be a page of counts
            pages.append({"data": elements, "errors": errors, "meta": {}})
            expected += len(elements) + len(errors)
        elif frame == 1:
            pages.append({"statuses": elements, "search_metadata": {}})
            expected += len(elements)
        elif frame == 2:
            pages.append({"accounts": [], "statuses": elements, "hashtags": []})
            expected += len(elements)
        else:
            children = [
                {"kind": chance.choice(["t1", "t3", "more", 5]), "data": {}} for _ in elements
            ]
            pages.append({"kind": "Listing", "data": {"children": children}})
            expected += len(elements)
    report = read_all(path, b"\n".join(map(dump, pages)))

    assert report is not None
    assert (report.files[0].lines, report.records) == (10, expected)


@many
@given(seeds)
def test_damaged_lines_are_all_counted(path, seed):
    """6,000 lines whose bytes are damaged, newlines included."""
    chance = random.Random(seed)
    lines = [damage(dump(chance.choice(RECORDS)), chance) for _ in range(100)]
    content = b"\n".join([dump(SEEDS[0]), *lines])
    report = read_all(path, content)

    assert report is not None
    assert report.files[0].lines == sum(bool(line.strip()) for line in content.split(b"\n"))


PACK = (gzip.compress, bz2.compress, lzma.compress, zstandard.compress)


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_damaged_files(path, seed):
    """Compressed files, tables and documents: no law but that of the sums, and no crash."""
    chance = random.Random(seed)
    records = [chance.choice(RECORDS) for _ in range(5)]
    lines = b"\n".join(map(dump, records))
    document = json.dumps(records, indent=chance.choice((None, 0, 2))).encode()
    mark = chance.choice(",;\t")
    rows = ["created_at,text,post_id,is_repost", '2024-03-05T15:04:05Z,"whats\napp",1,no'] * 3
    table = "\n".join(rows).replace(",", mark).encode()
    wide = table.decode().encode("utf-16")
    for content in (document, table, wide, lines):
        read_all(path, damage(content, chance))
        read_all(
            path, content[: chance.randrange(len(content))], format=chance.choice(list(FORMATS))
        )
    packed = chance.choice(PACK)(lines)
    read_all(path, damage(packed, chance))
    read_all(path, packed[: chance.randrange(len(packed))])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([None, *FORMATS]))
@example(b"\xff\xfe", None)
@example(b"\xef\xbb\xbf", "plain")
@example(b"[", None)
@example(b"created_at,text\n", None)
def test_any_bytes(path, content, name):
    read_all(path, content, format=name)


@given(
    st.recursive(
        st.sampled_from(ODD),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "id",
                        "data",
                        "text",
                        "created_at",
                        "statuses",
                        "event",
                        "payload",
                        "did",
                        "time_us",
                        "content",
                        "account",
                        "body",
                        "created_utc",
                        "user",
                        "kind",
                    ]
                ),
                inner,
            )
        ),
        max_leaves=30,
    )
)
@settings(max_examples=300, deadline=None)
def test_any_json(path, value):
    report = read_all(path, dump(SEEDS[0]) + b"\n" + dump(value))

    assert report is not None
    assert report.files[0].lines == 2


@given(st.text())
@settings(max_examples=300, deadline=None)
def test_parsed_strings_can_be_written_again(text):
    value = parse(json.dumps({"a": text + "\ud800", "b": text}).encode(), Counter())

    assert orjson.loads(orjson.dumps(value)) == value
    assert value["b"] == text
