"""Search, recent or full archive, as pages: time slices, the oldest first.

X lists the newest first. A slice is asked for with each query of the service, page by
page; the service's cursor moves with the last page of the last query. Which queries of
an unfinished slice are done is a cursor of its own, so that an interruption does not
pay for them twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from miner.errors import RefusedError, UnavailableError, UsageError
from miner.formats.times import SECOND
from miner.sources.protocol import Break, Gap, Page, Pull
from miner.sources.slices import slices
from miner.sources.x.asking import queries_of, version_of
from miner.sources.x.client import MOST, Client, Question
from miner.sources.x.reading import Read, next_token

_MINUTE: Final = 60 * SECOND
#: What is younger may not be in X's index yet.
SETTLED: Final = 30 * SECOND
#: Recent search keeps seven days; a minute less, for the two clocks.
_KEPT: Final = 7 * 86_400 * SECOND - _MINUTE
#: Width of a slice in minutes, and how far back a first pull goes.
_SLICE: Final = "60"
_FIRST: Final = 15 * _MINUTE
#: X's names in the lexicon's query languages.
PLATFORMS: Final = {"search": "x", "archive": "x_full_archive"}
#: 4 May 2026: search and counts moved to a new index, which has no reposts.
NEW_INDEX: Final = Break(
    1_777_852_800 * SECOND,
    "X moved search and counts to a new index without reposts; the stream still has them",
)


@dataclass(frozen=True)
class _Slice:
    service: str
    start: int
    end: int
    asked: tuple[str, ...]

    @property
    def version(self) -> str:
        return version_of(self.asked)

    def done(self, n_queries: int) -> str:
        """Cursor that says how many queries of the slice are done."""
        return f"{self.start} {self.end} {n_queries} {self.version}"


def settled(pull: Pull) -> int:
    """The time up to which X's index is complete, whole seconds, micros UTC."""
    now = pull.clock.now() - SETTLED
    return now - now % SECOND


def search(client: Client, pull: Pull, via: str, until: int) -> Iterator[Page]:
    """Pages of all services up to a time, each from its own cursor on."""
    for service in pull.services:
        asked = tuple(queries_of(service, pull, PLATFORMS[via]))
        start = _start(service, pull, until)
        if via != "archive":
            kept = pull.clock.now() - _KEPT
            kept += -kept % SECOND
            if start < kept:
                lost = Gap(start, kept, "older than X's recent search; x.via=archive has it")
                yield Page(gaps=[lost], services=(service,), cursors={service: str(kept)})
                start = kept
        unfinished = _unfinished(pull.cursors, service, start, until, asked)
        if unfinished is not None:
            slice_, n_done = unfinished
            yield from _pages(client, pull, via, slice_, n_done)
            start = slice_.end
        for begin, end in slices(start, until, _width(pull)):
            if pull.stopping():
                return
            yield from _pages(client, pull, via, _Slice(service, begin, end, asked), 0)


def _start(service: str, pull: Pull, until: int) -> int:
    try:
        start = int(pull.cursors.get(service, pull.since or until - _FIRST))
    except ValueError:
        raise RefusedError(
            f"x: the stored cursor of {service} is damaged; `miner doctor` tells more"
        ) from None
    return start - start % SECOND


def _width(pull: Pull) -> int:
    text = pull.options.get("slice", _SLICE)
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"x.slice={text!r} is no number of minutes; such as 60")
    return int(text) * _MINUTE


def _unfinished(
    cursors: Mapping[str, str], service: str, start: int, until: int, asked: tuple[str, ...]
) -> tuple[_Slice, int] | None:
    """A slice that was interrupted, and how many of its queries are done."""
    parts = cursors.get(_part(service), "").split(" ", 3)
    if len(parts) != 4 or not all(part.isdecimal() for part in parts[:3]):
        return None
    begin, end, n_done = (int(part) for part in parts[:3])
    if begin != start or not begin < end <= until or parts[3] != version_of(asked):
        return None
    return _Slice(service, begin, end, asked), n_done


def _part(service: str) -> str:
    return f"{service}/part"


def _pages(client: Client, pull: Pull, via: str, slice_: _Slice, n_done: int) -> Iterator[Page]:
    """Pages of a slice, without the queries that are done."""
    for number in range(n_done, len(slice_.asked)):
        question = Question(slice_.asked[number], slice_.start, slice_.end)
        tokens: set[str] = set()
        token = None
        while True:
            if pull.stopping():
                return
            record = client.search(question, token, via=via, most=MOST[via])
            read = Read()
            read.add(record, pull)
            token = next_token(record)
            if token is None:
                yield _page(slice_, read, number + 1)
                break
            if token in tokens:
                raise UnavailableError("x: the pages of a search go round in circles")
            tokens.add(token)
            yield _page(slice_, read, None)


def _page(slice_: _Slice, read: Read, n_done: int | None) -> Page:
    """A page; ``n_done`` queries of the slice are done with it, or None is new."""
    is_last = n_done == len(slice_.asked)
    cursors = {}
    if is_last:
        cursors[slice_.service] = str(slice_.end)
    elif n_done is not None:
        cursors[_part(slice_.service)] = slice_.done(n_done)
    has_break = is_last and slice_.start <= NEW_INDEX.at < slice_.end
    return Page(
        posts=read.posts,
        edits=read.edits,
        raws=read.raws,
        skipped=dict(read.skipped),
        seen=read.seen,
        cursors=cursors,
        watched=(slice_.start, slice_.end) if is_last else None,
        services=(slice_.service,),
        query=slice_.version,
        breaks=[NEW_INDEX] if has_break else [],
    )
