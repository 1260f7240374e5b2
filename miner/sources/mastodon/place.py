"""How far one question to one server has come, kept as its cursor.

Statuses are listed by their ids, which grow with time but not strictly: a post that
another server hands over late is listed where its own time puts it. So what is younger
than an overlap is read again each time, and ids up to ``low`` are read no more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from miner.errors import RefusedError

#: Below all ids of Mastodon (numbers) and of its kin (letters and digits).
LOWEST: Final = "0"


def order(status_id: str) -> tuple[int, str]:
    """What ids are sorted by: numbers by size, ids of one length by letter."""
    return len(status_id), status_id


@dataclass(frozen=True)
class Way:
    """A reading under way, so that it goes on where it was interrupted.

    Attributes:
        at: when it began, microseconds since 1970 UTC.
        next: id of the last status read.
        settled: latest id so far of those that need not be read again.
        is_settled: whether ``settled`` is final.
    """

    at: int
    next: str | None = None
    settled: str | None = None
    is_settled: bool = False


@dataclass(frozen=True)
class Place:
    """How far a question has come.

    Attributes:
        low: statuses up to this id are read no more; None where none was read yet.
        at: everything up to this time is known, microseconds since 1970 UTC.
        since: from when on, by service.
        young: posts after ``low`` that may be about a service, their global by their
            local id: one that is no longer listed was deleted or changed.
        way: the reading under way.
    """

    low: str | None
    at: int
    since: Mapping[str, int]
    young: Mapping[str, str] = field(default_factory=dict)
    way: Way | None = None

    def write(self) -> str:
        """The place as a cursor."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def read(cls, text: str, name: str) -> Place:
        """The place of a cursor.

        Raises:
            RefusedError: the cursor is damaged.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            way = values.pop("way")
            return cls(**values, way=None if way is None else Way(**way))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise RefusedError(
                f"mastodon: the stored cursor {name!r} is damaged; `miner doctor` tells more"
            ) from None

    def serving(self, services: tuple[str, ...]) -> Place:
        """The place with services that are new to it: they begin where it stands."""
        since = {**dict.fromkeys(services, self.at), **self.since}
        return replace(self, since=since)
