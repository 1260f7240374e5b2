"""One listing of Reddit: the newest things first, at most a thousand of them.

The end of a page is named by its last thing. Where that is removed meanwhile, the next
page is empty; so a reading that was interrupted begins anew, and its cursor moves with
the last page alone. Ten requests at most are done again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from miner.errors import RefusedError, UnavailableError
from miner.formats.times import SECOND
from miner.sources.protocol import Gap, Page, Pull
from miner.sources.reddit.client import Client
from miner.sources.reddit.things import Record, ThingBatch, name_of, things_of, times_of

_PAGE: Final = 100
#: An empty page after a full one: read anew so many times, then taken for the end.
_BROKEN: Final = 3


@dataclass(frozen=True)
class Place:
    """How far a listing is known.

    Attributes:
        at: up to when, microseconds since 1970 UTC.
        since: from when on, by service.
    """

    at: int
    since: Mapping[str, int] = field(default_factory=dict)

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
            values = json.loads(text)
            return cls(int(values["at"]), {**values["since"]})
        except (ValueError, TypeError, KeyError):
            raise RefusedError(
                f"reddit: the stored cursor {name!r} is damaged; `miner doctor` tells more"
            ) from None


class Listing:
    """One listing.

    Attributes:
        name: of its cursor.
        services: whom it is read for.
        place: how far it is known; None before it was read.
    """

    def __init__(
        self, name: str, services: tuple[str, ...], path: str, params: Mapping[str, str]
    ) -> None:
        self.name = name
        self.services = services
        self.place: Place | None = None
        self._path = path
        self._params = params
        self._given: set[tuple[str | None, str]] = set()
        self._n_broken = 0

    def load(self, pull: Pull) -> None:
        """Go on from where the stored cursor says, or from where the pull begins.

        Raises:
            RefusedError: the cursor is damaged.
        """
        now = pull.clock.now()
        start = now if pull.since is None else min(pull.since, now)
        place = Place(start)
        if self.name in pull.cursors:
            place = Place.read(pull.cursors[self.name], self.name)
        since = {**dict.fromkeys(self.services, place.at), **place.since}
        self.place = Place(place.at, since)

    def pages(self, client: Client, pull: Pull, settle: int, overlap: int) -> Iterator[Page]:
        """Pages down to where it is known; with the last one ``place`` moves.

        Args:
            client: who is asked.
            pull: what for.
            settle: microseconds; what is younger may not be listed yet.
            overlap: microseconds; what is younger than the place by so much is read
                again, for late, edited and removed things.
        """
        assert self.place is not None
        asked_at, bound = pull.clock.now(), self.place.at - overlap
        given: set[tuple[str | None, str]] = set()
        after, oldest, n_things = None, asked_at, 0
        while not pull.stopping():
            listing = client.ask(self._path, limit=_PAGE, after=after, **self._params)
            things, following = things_of(listing)
            if after is not None and not things and self._n_broken < _BROKEN:
                self._n_broken += 1
                raise UnavailableError("reddit: a listing broke off; it is read anew")
            if following is not None and following == after:
                raise RefusedError(f"reddit: the listing {self._path} goes round in circles")
            n_things += len(things)
            oldest = min([oldest, *times_of(things)])
            is_past = bool(things) and max([*times_of(things)], default=0) < bound
            batch = self._batch(things, client, pull, given)
            if is_past or following is None:
                is_cut = not is_past and n_things >= _PAGE and oldest > bound
                yield self._end(batch, asked_at - settle, oldest if is_cut else None)
                self._given, self._n_broken = given, 0
                return
            after = following
            yield batch.page(services=self.services)
            self._given |= given  # a reading begun anew gives nothing twice

    def _batch(
        self,
        things: list[Record],
        client: Client,
        pull: Pull,
        given: set[tuple[str | None, str]],
    ) -> ThingBatch:
        batch = ThingBatch(skipped=client.notes.copy())
        client.notes.clear()
        start = min(self.place.since.values()) if self.place else 0
        for thing in things:
            data = thing.get("data")
            edited = data.get("edited") if isinstance(data, dict) else None
            key = (name_of(thing), str(edited))
            given.add(key)
            if key in self._given or max(times_of([thing]), default=start) < start:
                batch.seen += 1
            else:
                batch.add(thing, pull)
        return batch

    def _end(self, batch: ThingBatch, at: int, cut_at: int | None) -> Page:
        """The last page; ``cut_at`` is from when on things are listed, if not all are."""
        place = self.place
        assert place is not None
        gaps: list[Gap] = []
        since = dict(place.since)
        if cut_at is not None and place.at < cut_at:
            gaps.append(Gap(place.at, cut_at, "reddit lists no more than the newest 1,000"))
            since = {name: max(start, cut_at) for name, start in since.items()}
        self.place = Place(max(place.at, at, cut_at or 0), since)
        return batch.page(
            cursors={self.name: self.place.write()}, services=self.services, gaps=gaps
        )


SETTLE: Final = 60 * SECOND
OVERLAP: Final = 600 * SECOND
