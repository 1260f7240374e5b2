"""X's answers as pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from miner.formats import Deletion, Skip, twitter_v2
from miner.formats.times import iso_time, snowflake_time
from miner.post import Post
from miner.sources.protocol import Pull

_COUNTS: Final = ("tweet_count", "post_count")


@dataclass
class Read:
    """The posts of one answer."""

    posts: list[Post] = field(default_factory=list)
    edits: list[Post] = field(default_factory=list)
    raws: dict[str, bytes] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    seen: int = 0

    def add(self, record: Mapping[str, Any], pull: Pull) -> None:
        """Add the posts of an answer: of a search, or one that a stream gave."""
        data = record.get("data")
        items = data if isinstance(data, list) else [] if data is None else [data]
        for item in items:
            self.seen += 1
            whole = {"data": [item], "includes": record.get("includes")}
            for outcome in twitter_v2.read(whole, pull.author_key):
                self._put(outcome, item, pull)
        errors = record.get("errors")
        for problem in errors if isinstance(errors, list) else []:
            title = problem.get("title") if isinstance(problem, dict) else None
            self.skipped[f"platform error: {str(title or 'untitled')[:60]}"] += 1

    def _put(self, outcome: Post | Deletion | Skip, item: Any, pull: Pull) -> None:
        if isinstance(outcome, Skip):
            self.skipped[outcome.reason] += 1
            return
        if isinstance(outcome, Deletion):  # a search gives none
            return
        own_id = str(item.get("id"))
        if own_id != outcome.post_id:
            # A later version of an edited post has an id of its own, which says when.
            changed_at = snowflake_time(own_id) or pull.clock.now()
            self.edits.append(outcome._replace(observed_at=changed_at))
        else:
            self.posts.append(outcome._replace(observed_at=pull.clock.now()))
        if pull.keep_raw:
            self.raws[outcome.post_id] = orjson.dumps(item)


def next_token(record: Mapping[str, Any]) -> str | None:
    """The token of the next page; None where this was the last one."""
    meta = record.get("meta")
    token = meta.get("next_token") if isinstance(meta, dict) else None
    return token if isinstance(token, str) and token else None


def counts_of(record: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """Pairs of a minute, in micros UTC, and the number of its posts."""
    data = record.get("data")
    for item in data if isinstance(data, list) else []:
        if not isinstance(item, dict):
            continue
        start = iso_time(item.get("start"))
        number = next((item[name] for name in _COUNTS if name in item), None)
        if start is not None and isinstance(number, int) and number >= 0:
            yield start, number
