"""Posts of Mastodon: statuses, timelines, search results, threads, stream lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson

from miner.formats.fields import as_dict, as_id, as_list, as_text, language
from miner.formats.html_text import html_to_text
from miner.formats.outcome import Deletion, Format, Outcome, Record, Skip
from miner.formats.times import is_plausible, iso_time
from miner.post import Post, hash_author

#: Keys of a search result and of a thread that hold statuses.
_LISTS = ("statuses", "ancestors", "descendants")
_POST_EVENTS = frozenset({"update", "status.update"})
_PUBLIC = ("public", "unlisted")


def recognise(record: Record) -> bool:
    """Whether a record is a status, a search result, a thread or a stream line."""
    if "content" in record or "spoiler_text" in record:
        return "account" in record or "reblog" in record or "visibility" in record
    if "event" in record:
        return "payload" in record or "stream" in record
    if "ancestors" in record and "descendants" in record:
        return True
    return "statuses" in record and "search_metadata" not in record


def read(record: Record, key: bytes) -> Iterator[Outcome]:
    """The outcomes of a record: one for each status of a list, else one."""
    if "content" in record or "spoiler_text" in record:
        yield _post(record, key)
    elif "event" in record:
        yield _event(record, key)
    else:
        statuses = [status for name in _LISTS for status in as_list(record.get(name))]
        for status in statuses:
            yield _post(status, key) if isinstance(status, dict) else Skip("not an object")
        if not statuses:
            yield Skip("empty page")


def _event(record: Record, key: bytes) -> Outcome:
    event, payload = as_text(record.get("event")) or "unknown", record.get("payload")
    if event == "delete":
        post_id = as_id(payload)
        return Skip("no id") if post_id is None else Deletion("mastodon", post_id)
    if event not in _POST_EVENTS:
        return Skip(f"not a post: {event[:80]}")
    if isinstance(payload, str):  # on the wire the payload is JSON inside JSON
        try:
            payload = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return Skip("payload is not JSON")
    return _post(payload, key) if isinstance(payload, dict) else Skip("not an object")


def _post(record: Record, key: bytes) -> Outcome:
    post_id = as_id(record.get("id"))
    if post_id is None:
        return Skip("no id")
    created_at = iso_time(record.get("created_at"))
    if created_at is None:
        return Skip("unreadable time")
    if not is_plausible(created_at):
        return Skip("implausible time")
    if record.get("visibility", "public") not in _PUBLIC:
        return Skip("not public", created_at)
    boosted = record.get("reblog")
    original = boosted if isinstance(boosted, dict) else record
    text = _text(original)
    if text is None:
        return Skip("no text", created_at)
    account = as_dict(record.get("account"))
    author = as_id(account.get("url"), account.get("acct"), account.get("id"))
    return Post(
        source="mastodon",
        post_id=post_id,
        created_at=created_at,
        author=None if author is None else hash_author(author, key),
        text=text,
        lang=language(original.get("language")),
        is_repost=isinstance(boosted, dict),
        reply_to=as_id(record.get("in_reply_to_id")),
    )


def _text(record: Record) -> str | None:
    """The text of a status, its content warning first."""
    content = as_text(record.get("content"))
    # The answer to a deletion holds the text as it was typed in place of the HTML.
    text = as_text(record.get("text")) if content is None else html_to_text(content)
    if text is None:
        return None
    warning = (as_text(record.get("spoiler_text")) or "").strip()
    return f"{warning}\n\n{text}".strip() if warning else text


FORMAT: Final = Format("mastodon", "mastodon", recognise, read)
