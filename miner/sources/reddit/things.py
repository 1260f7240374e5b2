"""Comments and submissions as Reddit lists them: posts, edits, and what was removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

from miner.errors import UnavailableError
from miner.formats import Deletion, Skip
from miner.formats.fields import as_dict, as_id, as_list, as_text
from miner.formats.reddit import FORMAT
from miner.formats.times import SECOND, epoch_time
from miner.post import Post
from miner.sources.batch import Batch
from miner.sources.protocol import Pull

#: A longer text than Reddit's own limit of 40,000 characters is no post.
_LONGEST: Final = 100_000
_KINDS: Final = frozenset({"t1", "t3"})

Record = dict[str, Any]


class ThingBatch(Batch):
    """Comments and submissions since the page before."""

    def add(self, thing: Record, pull: Pull) -> None:
        """Add a comment or a submission; one that was removed is a deletion."""
        self.seen += 1
        data = as_dict(thing.get("data"))
        alone = {**data, "replies": None}  # replies come as things of their own
        outcome = next(
            iter(FORMAT.read({"kind": thing.get("kind"), "data": alone}, pull.author_key))
        )
        name = name_of(thing)
        is_removed = isinstance(outcome, Skip) and outcome.reason == "removed content"
        if name is not None and (is_removed or as_text(data.get("removed_by_category"))):
            self.deletions.append(Deletion("reddit", name, pull.clock.now()))
        elif not isinstance(outcome, Post):
            self.skipped[getattr(outcome, "reason", "not a post")] += 1
        elif len(outcome.text) > _LONGEST:
            self.skipped[f"longer than {_LONGEST:,} characters"] += 1
        else:
            self._add_post(outcome, data, pull)

    def _add_post(self, post: Post, data: Record, pull: Pull) -> None:
        # `edited` is false, a time, or true in things of long ago.
        edited_at = epoch_time(data.get("edited"), SECOND) if data.get("edited") else None
        if edited_at is not None:
            self.edits.append(post._replace(observed_at=edited_at))
        elif pull.wants(post.text):
            self.posts.append(post._replace(observed_at=pull.clock.now()))
        else:
            return
        if pull.keep_raw:
            self.raws[post.post_id] = orjson.dumps(data)


def things_of(listing: object) -> tuple[list[Record], str | None]:
    """The things of a listing, and where the next one begins.

    Raises:
        UnavailableError: what came is no listing.
    """
    data = as_dict(as_dict(listing).get("data"))
    if not isinstance(data.get("children"), list):
        raise UnavailableError("reddit sent something that is no listing")
    children = [child for child in as_list(data["children"]) if isinstance(child, dict)]
    return children, as_text(data.get("after")) or None


def name_of(thing: Record) -> str | None:
    """The full name of a thing, such as t3_abc; the id of its post."""
    data, kind = as_dict(thing.get("data")), thing.get("kind")
    name, bare = as_text(data.get("name")), as_id(data.get("id"))
    if kind not in _KINDS:
        return None
    if name and name.startswith(f"{kind}_"):
        return name
    return None if bare is None else bare if bare.startswith(f"{kind}_") else f"{kind}_{bare}"


def times_of(things: list[Record]) -> Iterator[int]:
    """When things were written, microseconds since 1970 UTC."""
    for thing in things:
        at = epoch_time(as_dict(thing.get("data")).get("created_utc"), SECOND)
        if at is not None:
            yield at
