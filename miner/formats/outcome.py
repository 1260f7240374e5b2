"""What reading a record gives: a post, a deletion, or a reason why there is neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeAlias

from miner.post import Post

#: A JSON object as the platform wrote it; nothing about its values is certain.
Record: TypeAlias = dict[str, Any]


class Deletion(NamedTuple):
    """Notice that a post was taken back.

    ``at`` is when the notice was given, in microseconds since 1970-01-01 UTC, where
    the notice says so.
    """

    source: str
    post_id: str
    at: int | None = None


class Skip(NamedTuple):
    """Why a record gives no post.

    ``at`` is the record's own time, in microseconds since 1970-01-01 UTC: a record
    without a post still shows that somebody was watching.
    """

    reason: str
    at: int | None = None


class NotedPost(Post):
    """A post with something the reader of a report should know about it."""

    __slots__ = ()
    note: ClassVar[str] = "noted"


class TruncatedPost(NotedPost):
    """A post whose text the platform cut and whose full text is not in the record."""

    __slots__ = ()
    note: ClassVar[str] = "text truncated by the platform"


class UndatedPost(NotedPost):
    """A post with an unreadable ``created_at``, dated by when it was observed."""

    __slots__ = ()
    note: ClassVar[str] = "unreadable time, observed time used"


Outcome: TypeAlias = Post | Deletion | Skip


@dataclass(frozen=True)
class Format:
    """A way of writing posts.

    Attributes:
        name: what users write for it, such as ``twitter_v2``.
        source: the platform that posts, deletions and skips of it belong to.
        recognise: whether a record is written in this format; cheap, by its keys.
        read: the outcomes of a record that was recognised, at least one, for a key
            to hash authors with. Never raises, whatever the values are.
    """

    name: str
    source: str
    recognise: Callable[[Record], bool]
    read: Callable[[Record, bytes], Iterator[Outcome]]
