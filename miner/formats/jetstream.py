"""Posts of Bluesky as Jetstream serves them, on its v1 and its v2 wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from miner.formats.fields import as_dict, as_id, as_list, as_text, language
from miner.formats.outcome import Deletion, Format, Outcome, Record, Skip, UndatedPost
from miner.formats.times import epoch_time, is_plausible, iso_time
from miner.post import Post, hash_author

_POSTS = "app.bsky.feed.post"
_EVENT = "network.bsky.jetstream.subscribeEvents#"


def recognise(record: Record) -> bool:
    """Whether a record is a v1 event, a v2 frame or the payload of one."""
    kind = record.get("$type")
    if isinstance(kind, str):
        return kind.startswith(_EVENT) or (
            "payload" in record if kind == "message" else kind == "error" and "error" in record
        )
    if "did" not in record:
        return False
    return "time_us" in record or "collection" in record or ("seq" in record and "time" in record)


def read(record: Record, key: bytes) -> Iterator[Outcome]:
    """The one outcome of an event."""
    if record.get("$type") == "message":
        record = as_dict(record.get("payload"))
    if record.get("$type") == "error":
        yield Skip("stream error")
    elif "time_us" in record:
        kind = as_text(record.get("kind")) or "unknown"
        yield _event(record, as_dict(record.get("commit")), kind, _observed(record), key)
    else:
        kind = _v2_kind(record)
        yield _event(record, record if kind == "commit" else {}, kind, _observed(record), key)


def _v2_kind(record: Record) -> str:
    name = record.get("$type")
    if isinstance(name, str):
        return name.rpartition("#")[2]
    kinds = (kind for kind in ("identity", "account", "sync") if kind in record)
    return next(kinds, "commit" if "collection" in record else "unknown")


def _observed(record: Record) -> int | None:
    """When Jetstream saw the event; None if it does not say, or not credibly."""
    at = epoch_time(record.get("time_us"), 1)
    if at is None:
        at = iso_time(record.get("time"))
    return at if at is not None and is_plausible(at) else None


def _event(
    event: Record, commit: Record, kind: str, observed_at: int | None, key: bytes
) -> Outcome:
    if kind != "commit":
        return Skip(f"not a post: {kind[:80]}", observed_at)
    collection = as_text(commit.get("collection")) or "unknown"
    if collection != _POSTS:
        return Skip(f"not a post: {collection[:80]}", observed_at)
    did, rkey = as_id(event.get("did")), as_id(commit.get("rkey"))
    if did is None or rkey is None:
        return Skip("no id", observed_at)
    post_id = f"at://{did}/{collection}/{rkey}"
    operation = commit.get("operation")
    if operation == "delete":
        return Deletion("bluesky", post_id, observed_at)
    if operation not in ("create", "update"):
        return Skip("unknown operation", observed_at)
    return _post(post_id, did, as_dict(commit.get("record")), observed_at, key)


def _post(post_id: str, did: str, record: Record, observed_at: int | None, key: bytes) -> Outcome:
    text = as_text(record.get("text"))
    if text is None:
        return Skip("no text", observed_at)
    # What the user's program claims; kept even where it lies, as long as it is a time.
    claimed_at = iso_time(record.get("createdAt"))
    created_at = observed_at if claimed_at is None else claimed_at
    if created_at is None:
        return Skip("unreadable time")
    languages = as_list(record.get("langs"))
    parent = as_dict(as_dict(record.get("reply")).get("parent"))
    make = UndatedPost if claimed_at is None else Post
    return make(
        source="bluesky",
        post_id=post_id,
        created_at=created_at,
        observed_at=observed_at,
        author=hash_author(did, key),
        text=text,
        lang=language(languages[0]) if languages else None,
        reply_to=as_text(parent.get("uri")) or None,
    )


FORMAT: Final = Format("jetstream", "bluesky", recognise, read)
