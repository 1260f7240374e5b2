"""Posts of Reddit: Pushshift and Arctic Shift lines, listings of the API."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Final

from miner.formats.fields import as_dict, as_id, as_list, as_text
from miner.formats.outcome import Format, Outcome, Record, Skip
from miner.formats.times import SECOND, epoch_time, is_plausible
from miner.post import Post, hash_author

#: What stands in place of a text, or of an author, that was taken away.
_REMOVED: Final = frozenset({"[deleted]", "[removed]", "[ removed by reddit ]"})
_THINGS = frozenset({"t1", "t3"})


def recognise(record: Record) -> bool:
    """Whether a record is a comment, a submission, or a listing of them."""
    if "data" in record:
        return "kind" in record and isinstance(record["data"], dict)
    if "body" in record:
        return "created_utc" in record or "link_id" in record or "subreddit" in record
    return "title" in record and ("created_utc" in record or "selftext" in record)


def read(record: Record, key: bytes) -> Iterator[Outcome]:
    """The outcomes of a record: one for each thing of a listing, replies included, else one."""
    if "data" not in record:
        yield _post(record, key)
        return
    waiting: list[object] = [record]
    while waiting:
        thing = as_dict(waiting.pop())
        kind, data = thing.get("kind"), as_dict(thing.get("data"))
        if kind == "Listing":
            children = as_list(data.get("children"))
            waiting.extend(reversed(children))
            if not children:
                yield Skip("empty page")
        elif isinstance(kind, str) and kind in _THINGS:
            yield _post(data, key)
            if isinstance(data.get("replies"), dict):
                waiting.append(data["replies"])
        else:
            yield Skip(f"not a post: {kind[:80]}" if isinstance(kind, str) else "not an object")


def _post(record: Record, key: bytes) -> Outcome:
    is_comment = "body" in record
    post_id = _full_id(record, "t1_" if is_comment else "t3_")
    if post_id is None:
        return Skip("no id")
    created_at = epoch_time(record.get("created_utc"), SECOND)
    if created_at is None:
        return Skip("unreadable time")
    if not is_plausible(created_at):
        return Skip("implausible time")
    body = as_text(record.get("body" if is_comment else "selftext"))
    text = body if is_comment else _submission_text(record, body)
    if text is None:
        return Skip("no text", created_at)
    if any(part is not None and _is_removed(part) for part in (body, text)):
        return Skip("removed content", created_at)
    author = as_text(record.get("author"))
    return Post(
        source="reddit",
        post_id=post_id,
        created_at=created_at,
        author=None if not author or _is_removed(author) else hash_author(author, key),
        text=html.unescape(text).replace("\r\n", "\n").strip(),
        reply_to=as_text(record.get("parent_id")) or None if is_comment else None,
    )


def _full_id(record: Record, prefix: str) -> str | None:
    name = as_text(record.get("name"))
    if name is not None and name.startswith(prefix) and name != prefix:
        return name
    bare = as_id(record.get("id"))
    if bare is None:
        return None
    return bare if bare.startswith(prefix) else prefix + bare


def _submission_text(record: Record, body: str | None) -> str | None:
    title = as_text(record.get("title"))
    if title is None:
        return None
    # Old dumps lack is_self; a link has no selftext there either.
    return f"{title}\n\n{body}" if body and record.get("is_self") is not False else title


def _is_removed(text: str) -> bool:
    return len(text) < 30 and text.strip().lower() in _REMOVED


FORMAT: Final = Format("reddit", "reddit", recognise, read)
