"""The formats posts are written in, and how one is recognised.

Used by live sources and archives alike: a format turns a record, the JSON object a
platform wrote, into posts, deletions, and reasons for skipping.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from miner.formats import jetstream, mastodon, plain, reddit, twitter_v1, twitter_v2
from miner.formats.outcome import Deletion, Format, NotedPost, Outcome, Record, Skip

__all__ = [
    "FORMATS",
    "Deletion",
    "Format",
    "NotedPost",
    "Outcome",
    "Record",
    "Skip",
    "recognise",
]

#: Every format by name. Recognition tries them in this order: plain comes last, for
#: posts of most platforms have columns of its names too.
FORMATS: Final[Mapping[str, Format]] = {
    module.FORMAT.name: module.FORMAT
    for module in (twitter_v1, twitter_v2, jetstream, mastodon, reddit, plain)
}


def recognise(record: Record, last: Format | None = None) -> Format | None:
    """The format of a record, or None.

    Args:
        record: a JSON object.
        last: the format of the record before, tried first; never sways a record that
            a more specific format claims.
    """
    if last is not None and last.name != "plain" and last.recognise(record):
        return last
    return next((known for known in FORMATS.values() if known.recognise(record)), None)
