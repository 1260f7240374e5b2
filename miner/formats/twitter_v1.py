"""Posts of Twitter's API 1.1: streams, search pages, hydrated ids."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Final

from miner.formats.fields import as_dict, as_id, as_text, country, language
from miner.formats.outcome import Deletion, Format, Outcome, Record, Skip, TruncatedPost
from miner.formats.times import epoch_time, is_plausible, twitter_time
from miner.post import Post, hash_author

_MILLISECOND = 1000

#: What streams mix in besides posts; each is an object with this one key.
_NOTICES: Final = {
    "delete": "delete notice",
    "limit": "limit notice",
    "warning": "warning notice",
    "scrub_geo": "scrub_geo notice",
    "status_withheld": "status_withheld notice",
    "user_withheld": "user_withheld notice",
    "disconnect": "disconnect notice",
    "friends": "friends notice",
    "friends_str": "friends notice",
    "control": "control notice",
}


def recognise(record: Record) -> bool:
    """Whether a record is a v1.1 post, a search page or a stream notice."""
    if "id_str" in record:
        return "created_at" in record or "user" in record
    if isinstance(record.get("user"), dict) and ("text" in record or "full_text" in record):
        return True
    if "statuses" in record:
        return "search_metadata" in record or _holds_posts(record["statuses"])
    return len(record) <= 2 and not _NOTICES.keys().isdisjoint(record)


def _holds_posts(statuses: object) -> bool:
    return isinstance(statuses, list) and bool(statuses) and "id_str" in as_dict(statuses[0])


def read(record: Record, key: bytes) -> Iterator[Outcome]:
    """The outcomes of a v1.1 record: one for each post of a search page, else one."""
    if "id_str" in record or "user" in record:
        yield _post(record, key)
    elif "statuses" in record:
        yield from _page(record["statuses"], key)
    else:
        yield _notice(record)


def _page(statuses: object, key: bytes) -> Iterator[Outcome]:
    if not isinstance(statuses, list):
        yield Skip("statuses is no list")
    elif not statuses:
        yield Skip("empty page")
    else:
        for status in statuses:
            yield _post(status, key) if isinstance(status, dict) else Skip("not an object")


def _notice(record: Record) -> Outcome:
    name = next(iter(_NOTICES.keys() & record.keys()))
    body = as_dict(record[name])
    at = epoch_time(body.get("timestamp_ms"), _MILLISECOND)
    at = at if at is not None and is_plausible(at) else None
    if name != "delete":
        return Skip(_NOTICES[name], at)
    status = as_dict(body.get("status"))
    post_id = as_id(status.get("id_str"), status.get("id"))
    return Skip("delete notice without id", at) if post_id is None else Deletion("x", post_id, at)


def _post(record: Record, key: bytes) -> Outcome:
    # id_str first: tools that read numbers as doubles have rounded the id.
    post_id = as_id(record.get("id_str"), record.get("id"))
    if post_id is None:
        return Skip("no id")
    created_at = twitter_time(record.get("created_at"))
    if created_at is None:
        return Skip("unreadable time")
    if not is_plausible(created_at):
        return Skip("implausible time")
    original = record.get("retweeted_status")
    is_repost = isinstance(original, dict)
    text, is_cut = _text(original if isinstance(original, dict) else record)
    if text is None:
        return Skip("no text", created_at)
    user = as_dict(record.get("user"))
    author = as_id(user.get("id_str"), user.get("id"), user.get("screen_name"))
    make = TruncatedPost if is_cut else Post
    return make(
        source="x",
        post_id=post_id,
        created_at=created_at,
        author=None if author is None else hash_author(author, key),
        text=html.unescape(text),
        lang=language(record.get("lang")),
        is_repost=is_repost,
        reply_to=as_id(
            record.get("in_reply_to_status_id_str"), record.get("in_reply_to_status_id")
        ),
        country=country(as_dict(record.get("place")).get("country_code")),
    )


def _text(record: Record) -> tuple[str | None, bool]:
    """The fullest text of a post, and whether the platform cut it."""
    extended = as_dict(record.get("extended_tweet"))
    for text in (extended.get("full_text"), record.get("full_text")):
        if isinstance(text, str):
            return text, False
    return as_text(record.get("text")), record.get("truncated") is True


FORMAT: Final = Format("twitter_v1", "x", recognise, read)
