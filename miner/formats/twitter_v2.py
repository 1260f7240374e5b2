"""Posts of X's API v2: pages, stream lines, twarc's flattened lines, compliance lines.

Since 2.167 search and counts say ``post`` where they said ``tweet``; both are read.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import Any, Final

from miner.formats.fields import as_dict, as_id, as_list, as_text, country, language
from miner.formats.outcome import Deletion, Format, Outcome, Record, Skip, TruncatedPost
from miner.formats.times import is_plausible, iso_time, snowflake_time
from miner.post import Post, hash_author

_HISTORY = ("edit_history_tweet_ids", "edit_history_post_ids")
_REFERENCES = ("referenced_tweets", "referenced_posts")
_NOTES = ("note_tweet", "note_post")
_COUNTS = frozenset({"tweet_count", "post_count"})
_REPOSTED = frozenset({"retweeted", "reposted"})


def recognise(record: Record) -> bool:
    """Whether a record is a v2 page, stream line, flattened post, compliance line or error."""
    if "data" in record:
        return "kind" not in record and isinstance(record["data"], (dict, list))
    if "id" in record:
        return "author_id" in record or "edit_history_tweet_ids" in record or "action" in record
    if "meta" in record:
        return "result_count" in as_dict(record["meta"])
    return isinstance(record.get("errors"), list) or (
        "title" in record and "type" in record and "detail" in record
    )


def read(record: Record, key: bytes) -> Iterator[Outcome]:
    """The outcomes of a v2 record: one for each post and each error of a page, else one."""
    if "id" in record and "data" not in record:
        yield _compliance(record) if "action" in record else _post(record, _Includes({}), key)
        return
    found = False
    for outcome in _data(record, key):
        found = True
        yield outcome
    for error in as_list(record.get("errors")):
        found = True
        yield Skip("platform error: " + (as_text(as_dict(error).get("title")) or "untitled")[:60])
    if not found:
        yield Skip(
            "error message" if "meta" not in record and "data" not in record else "empty page"
        )


class _Includes:
    """The posts and places a page refers to, by id, looked up only when needed."""

    def __init__(self, includes: Mapping[str, Any]) -> None:
        self._includes = includes
        self._by_id: dict[str, dict[str, Record]] = {}

    def find(self, post_id: str, *names: str) -> Record:
        """The included object with an id, or an empty one."""
        for name in names:
            if name not in self._by_id:
                self._by_id[name] = {
                    item["id"]: item
                    for item in as_list(self._includes.get(name))
                    if isinstance(item, dict) and isinstance(item.get("id"), str)
                }
            if post_id in self._by_id[name]:
                return self._by_id[name][post_id]
        return {}


def _data(record: Record, key: bytes) -> Iterator[Outcome]:
    data = record.get("data")
    includes = _Includes(as_dict(record.get("includes")))
    if isinstance(data, dict):
        yield _notice(data) if "id" not in data else _post(data, includes, key)
        return
    items = as_list(data)
    if items and not _COUNTS.isdisjoint(as_dict(items[0])):
        yield Skip("counts page")
        return
    for item in items:
        yield _post(item, includes, key) if isinstance(item, dict) else Skip("not an object")


def _notice(data: Record) -> Outcome:
    """The outcome of a line of the compliance stream, ``{"delete": {"tweet": {"id": …}}}``."""
    body = as_dict(data.get("delete"))
    at = iso_time(body.get("event_at"))
    at = at if at is not None and is_plausible(at) else None
    post_id = as_id(*(as_dict(body.get(name)).get("id") for name in ("tweet", "post")))
    if post_id is not None:
        return Deletion("x", post_id, at)
    return Skip("no id" if "text" in data else "compliance notice", at)


def _compliance(record: Record) -> Outcome:
    """The outcome of a line of a compliance job.

    Its times are those of the post and of its deletion, neither of which anybody
    watched happen, so none is passed on.
    """
    post_id = as_id(record["id"])
    if record["action"] == "delete" and post_id is not None:
        return Deletion("x", post_id)
    return Skip("compliance notice")


def _post(record: Record, includes: _Includes, key: bytes) -> Outcome:
    own_id = as_id(record.get("id"))
    if own_id is None:
        return Skip("no id")
    # All versions of an edited post share the key and the time of the first one.
    post_id = _first_version(record) or own_id
    created_at = iso_time(record.get("created_at"))
    if post_id != own_id or record.get("created_at") is None:
        # The API leaves created_at out unless it is asked for; the id holds it too.
        created_at = snowflake_time(post_id) or created_at
    if created_at is None:
        return Skip("unreadable time" if record.get("created_at") else "no time")
    if not is_plausible(created_at):
        return Skip("implausible time")
    references = _references(record)
    original = next((references[kind] for kind in _REPOSTED if kind in references), None)
    text, is_cut = _text(record, original, includes)
    if text is None:
        return Skip("no text", created_at)
    author = as_id(record.get("author_id"), as_dict(record.get("author")).get("id"))
    make = TruncatedPost if is_cut else Post
    return make(
        source="x",
        post_id=post_id,
        created_at=created_at,
        author=None if author is None else hash_author(author, key),
        text=html.unescape(text),
        lang=language(record.get("lang")),
        is_repost=original is not None,
        reply_to=as_id(references.get("replied_to", {}).get("id")),
        country=_country(as_dict(record.get("geo")), includes),
    )


def _first_version(record: Record) -> str | None:
    for name in _HISTORY:
        history = record.get(name)
        if isinstance(history, list) and history:
            return as_id(history[0])
    return None


def _references(record: Record) -> dict[str, Record]:
    """The posts a post refers to, by kind: ``retweeted``, ``replied_to``, ``quoted``."""
    return {
        item["type"]: item
        for name in _REFERENCES
        for item in as_list(record.get(name))
        if isinstance(item, dict) and isinstance(item.get("type"), str)
    }


def _text(record: Record, original: Record | None, includes: _Includes) -> tuple[str | None, bool]:
    """The fullest text of a post, and whether it is known to be cut."""
    if original is None:
        return _own_text(record), False
    original_id = as_id(original.get("id"))
    included = includes.find(original_id, "tweets", "posts") if original_id else {}
    for full in (included, original):  # flattened lines hold the text in the reference
        text = _own_text(full)
        if text is not None:
            return text, False
    text = _own_text(record)
    return text, text is not None and text.endswith("…")


def _own_text(record: Record) -> str | None:
    for name in _NOTES:
        text = as_dict(record.get(name)).get("text")
        if isinstance(text, str):
            return text
    return as_text(record.get("text"))


def _country(geo: Record, includes: _Includes) -> str | None:
    place_id = as_id(geo.get("place_id"))
    place = includes.find(place_id, "places") if place_id else {}
    return country(place.get("country_code")) or country(geo.get("country_code"))


FORMAT: Final = Format("twitter_v2", "x", recognise, read)
