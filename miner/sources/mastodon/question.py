"""One question to one server, asked again and again: what is new since the last time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from miner.errors import RefusedError
from miner.formats import Deletion
from miner.formats.fields import as_id
from miner.formats.times import SECOND, iso_time
from miner.sources.mastodon.instance import Instance, Record
from miner.sources.mastodon.place import LOWEST, Place, Way, order
from miner.sources.mastodon.records import StatusBatch
from miner.sources.protocol import Page, Pull

#: Posts that are no longer listed and are looked up one by one, at most so many a round.
_LOOKUPS: Final = 20


@dataclass(frozen=True)
class Timing:
    """Microseconds: what is younger is not called watched; what is younger is read again."""

    settle: int = 60 * SECOND
    overlap: int = 600 * SECOND


class Question:
    """One question: hashtags, a search, a public timeline.

    Attributes:
        name: of its cursor.
        services: whom it is asked for.
        instance: who is asked.
        place: how far it has come; None before the first answer.
    """

    def __init__(
        self,
        name: str,
        services: tuple[str, ...],
        instance: Instance,
        ask: Callable[..., list[Record]],
        *,
        is_forward: bool,
        timing: Timing,
    ) -> None:
        """Make a question.

        Args:
            name: see the class, as ``services`` and ``instance``.
            services: whom it is asked for.
            instance: who is asked.
            ask: asks with ``min_id`` or ``max_id``; statuses newest first.
            is_forward: whether ``min_id`` gives those right after an id (timelines), so
                that they can be read the oldest first; a search only leaves out by it.
            timing: what is read again, and what is not yet called watched.
        """
        self.name = name
        self.services = services
        self.instance = instance
        self.place: Place | None = None
        self._ask = ask
        self._is_forward = is_forward
        self._timing = timing
        self._seen: set[str] = set()

    def load(self, pull: Pull) -> None:
        """Go on from where the stored cursor says.

        Raises:
            RefusedError: the cursor is damaged.
        """
        if self.name in pull.cursors:
            self.place = Place.read(pull.cursors[self.name], self.name).serving(self.services)

    def pages(self, pull: Pull) -> Iterator[Page]:
        """Pages up to now; with the last one ``place.at`` moves.

        ``place`` moves with the page that is given, so that a failure before it changes
        nothing.
        """
        if self.place is None:
            now = pull.clock.now()
            start = now if pull.since is None else min(pull.since, now)
            place = Place(None, start, dict.fromkeys(self.services, start))
            if pull.since is None:
                yield self._begin(place)
                return
            self.place = place
        is_resumed = self.place.way is not None
        yield from self._read(pull)
        if is_resumed and not pull.stopping():
            yield from self._read(pull)  # what came since the reading first began

    def _begin(self, place: Place) -> Page:
        """Begin with what comes after the newest status there is."""
        newest = max((_id(record) for record in self._ask()), key=order, default="") or LOWEST
        self.place = replace(place, low=newest)
        return self._page(StatusBatch())

    def _read(self, pull: Pull) -> Iterator[Page]:
        place = self.place
        assert place is not None
        self._seen = set()
        way = place.way
        # The overlap was counted from when it began: an old reading begins anew.
        if way is None or pull.clock.now() - way.at > self._timing.overlap:
            way = Way(pull.clock.now())
        is_forward = self._is_forward and place.low is not None
        while not pull.stopping():
            asked_at = pull.clock.now()
            records = self._next(place, way, is_forward=is_forward)
            ended = not records or (not is_forward and self._is_before(records, place))
            batch = StatusBatch()
            for record in records:
                if self._is_asked(record, place):
                    batch.add(record, self.instance.host, pull)
            way = self._further(way, records, is_forward=is_forward)
            place = self._moved(place, way, batch, is_forward=is_forward)
            if ended:
                place = self._settled(pull, place, way, batch)
                known = (asked_at if is_forward else way.at) - self._timing.settle
                place = replace(place, at=max(place.at, known))
            self.place = place
            yield self._page(batch)
            if ended:
                return

    def _next(self, place: Place, way: Way, *, is_forward: bool) -> list[Record]:
        """The statuses that follow on the way."""
        bounds = {}
        if is_forward:
            bounds["min_id"] = way.next or place.low or LOWEST
        else:
            bounds |= {} if way.next is None else {"max_id": way.next}
            bounds |= {} if place.low in {None, LOWEST} else {"min_id": str(place.low)}
        records = [record for record in self._ask(**bounds) if _id(record) != way.next]
        ids = {_id(record) for record in records} - {""}
        if records and ids <= self._seen:
            raise RefusedError(
                f"mastodon: {self.instance.host} goes round in circles: it does not heed "
                f"{' and '.join(bounds) or 'ids'}. Leave it out, or what is asked of it"
            )
        self._seen |= ids
        return records

    def _is_before(self, records: Sequence[Record], place: Place) -> bool:
        """Whether all are older than what was asked for."""
        start = min(place.since.values())
        return place.low is None and all(_time(record, start) < start for record in records)

    def _is_asked(self, record: Record, place: Place) -> bool:
        start = min(place.since.values())
        return _time(record, start) >= start

    def _further(self, way: Way, records: Sequence[Record], *, is_forward: bool) -> Way:
        """The way after some statuses: where to go on, and what need not be read again."""
        known = [record for record in records if _id(record)]
        in_order = sorted(known, key=lambda record: order(_id(record)), reverse=not is_forward)
        settled, is_settled = way.settled, way.is_settled
        for record in in_order:
            if is_settled:
                break
            is_young = self._is_young(record, way.at)
            if is_forward:
                settled, is_settled = (settled, True) if is_young else (_id(record), False)
            elif not is_young:
                settled, is_settled = _id(record), True
        last = _id(in_order[-1]) if in_order else way.next
        return Way(way.at, last, settled, is_settled)

    def _is_young(self, record: Record, now: int) -> bool:
        """Whether to read it again; a time in the future is a lie and says nothing."""
        at = _time(record, 0)
        return now - self._timing.overlap <= at <= now + self._timing.overlap

    def _moved(self, place: Place, way: Way, batch: StatusBatch, *, is_forward: bool) -> Place:
        low = place.low
        if is_forward and way.settled is not None:
            low = max(low or LOWEST, way.settled, key=order)
        # Of the way down, nothing is certain before its end.
        bound = low if is_forward else way.settled
        young = {**place.young, **batch.ours}
        young = {
            local: name
            for local, name in young.items()
            if bound is None or order(local) > order(bound) or local not in self._seen
        }
        return replace(place, low=low, young=young, way=way)

    def _settled(self, pull: Pull, place: Place, way: Way, batch: StatusBatch) -> Place:
        """The place after all was read; posts that are no longer listed are looked up."""
        low = max(place.low or LOWEST, way.settled or LOWEST, key=order)
        young = dict(place.young)
        missing = [local for local in young if local not in self._seen]
        for local in missing[:_LOOKUPS]:
            record = self.instance.status(local)
            if record is None:
                batch.deletions.append(Deletion("mastodon", young[local], pull.clock.now()))
            else:
                batch.add(record, self.instance.host, pull, is_edit=True)
            del young[local]
        kept = {
            local: name
            for local, name in young.items()
            if order(local) > order(low) or local not in self._seen
        }
        return replace(place, low=low, young=kept, way=None)

    def _page(self, batch: StatusBatch) -> Page:
        assert self.place is not None
        notes, self.instance.notes = self.instance.notes, type(self.instance.notes)()
        batch.skipped.update({reason: n for reason, n in notes.items() if n})
        return batch.page(cursors={self.name: self.place.write()}, services=self.services)


def _id(record: Record) -> str:
    return as_id(record.get("id")) or ""


def _time(record: Record, default: int) -> int:
    at = iso_time(record.get("created_at"))
    return default if at is None else at
