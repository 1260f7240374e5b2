"""Statuses of one server as posts that are the same on every server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import orjson

from miner.formats import Skip
from miner.formats.fields import as_dict, as_id
from miner.formats.mastodon import FORMAT
from miner.formats.times import iso_time
from miner.post import Post
from miner.sources.batch import Batch
from miner.sources.mastodon.instance import Record
from miner.sources.protocol import Pull

#: A longer text is none that people write.
LONGEST: Final = 100_000


@dataclass
class StatusBatch(Batch):
    """Statuses since the page before.

    Attributes:
        ours: posts that may be about a service: their global by their local id.
    """

    ours: dict[str, str] = field(default_factory=dict)

    def add(self, record: Record, host: str, pull: Pull, *, is_edit: bool = False) -> None:
        """Add a status of a server."""
        self.seen += 1
        outcome = next(iter(FORMAT.read({"spoiler_text": "", **record}, pull.author_key)))
        if isinstance(outcome, Skip) or not isinstance(outcome, Post):
            self.skipped[getattr(outcome, "reason", "not a post")] += 1
            return
        if len(outcome.text) > LONGEST:
            self.skipped[f"longer than {LONGEST:,} characters"] += 1
            return
        edited_at = iso_time(record.get("edited_at"))
        is_edit = is_edit or edited_at is not None
        is_wanted = pull.wants(outcome.text)
        if not (is_wanted or is_edit):
            return  # an edit is told of always: it may be what makes a post unwanted
        post_id = global_id(record, host)
        post = outcome._replace(post_id=post_id, observed_at=edited_at or pull.clock.now())
        (self.edits if is_edit else self.posts).append(post)
        if is_wanted:
            self.ours[outcome.post_id] = post_id
        if pull.keep_raw:
            self.raws[post_id] = orjson.dumps(record)


def global_id(record: Record, host: str) -> str:
    """The id of a status on all servers.

    Each server numbers the statuses of all others anew: the local id of one names
    another status elsewhere.
    """
    uri = as_id(record.get("uri"), as_dict(record.get("reblog")).get("uri"), record.get("url"))
    return uri or f"{host}/{as_id(record.get('id'))}"
