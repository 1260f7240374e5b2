"""Looking again at the posts that are kept: Reddit asks to delete what was removed there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from miner.formats import Deletion
from miner.formats.times import SECOND
from miner.sources.protocol import Page, Pull
from miner.sources.reddit.client import Client
from miner.sources.reddit.things import ThingBatch, name_of, things_of

CURSOR: Final = "kept posts"
#: Posts of one request, and requests of one round, so that new posts do not wait long.
_PAGE: Final = 100
_MOST: Final = 50
_EVERY: Final = 6 * 3_600 * SECOND


def check_kept(client: Client, pull: Pull, cursor: str | None) -> Iterator[Page]:
    """Deletions and edits among the kept posts, if it is time to look again.

    Args:
        client: who is asked.
        pull: gives the kept posts.
        cursor: the one of the last page; None at first.
    """
    began, after = _read(cursor)
    now = pull.clock.now()
    if after == "":
        if now < began + _EVERY:
            return
        began = now
    for _ in range(_MOST):
        names = list(pull.stored(after, _PAGE))
        batch = ThingBatch()
        if names and not pull.stopping():
            _look_up(names, client, batch, pull)
        if pull.stopping():
            return
        after = names[-1] if len(names) == _PAGE else ""
        yield batch.page(cursors={CURSOR: json.dumps({"began": began, "after": after})})
        if after == "":
            return


def _look_up(names: list[str], client: Client, batch: ThingBatch, pull: Pull) -> None:
    found, _ = things_of(client.ask("api/info", id=",".join(names)))
    for thing in found:
        batch.add(thing, pull)
    batch.posts.clear()  # known already
    batch.raws = {name: raw for name, raw in batch.raws.items() if name in _ids(batch)}
    missing = set(names) - {name_of(thing) for thing in found}
    if len(missing) * 2 <= len(names):  # an answer that lacks most is one that failed
        batch.deletions += [Deletion("reddit", n, pull.clock.now()) for n in sorted(missing)]


def _ids(batch: ThingBatch) -> set[str]:
    return {post.post_id for post in batch.edits}


def _read(cursor: str | None) -> tuple[int, str]:
    """When looking began, and the last post looked at; "" where it came to the end."""
    try:
        values = json.loads(cursor or "")
        return int(values["began"]), str(values["after"])
    except (ValueError, TypeError, KeyError):
        return 0, ""
