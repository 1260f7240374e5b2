"""One connection on its way to pages: what came, up to when, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from miner.errors import UnavailableError
from miner.formats import Deletion, Skip
from miner.formats.times import SECOND
from miner.post import Post
from miner.sources.bluesky.connecting import seconds_of
from miner.sources.bluesky.wire import Event, Host, Position, Reader
from miner.sources.protocol import Gap, Page, Pull

#: A page ends after this many seconds or frames.
_PAGE_SECONDS: Final = 1.0
_PAGE_FRAMES: Final = 5_000
#: Seconds without a frame: caught up; and a host that is stuck, for people post always.
_IDLE: Final = 5.0
_STALLED: Final = 60.0
#: Seconds after which to look whether to stop.
_LOOK: Final = 0.25
#: A time this much later than ours is no time of an event.
_FUTURE: Final = 86_400 * SECOND
#: A zstd frame begins with these bytes (RFC 8878).
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


@dataclass
class _Batch:
    """What came since the page before."""

    posts: list[Post] = field(default_factory=list)
    edits: list[Post] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)
    departed: list[str] = field(default_factory=list)
    raws: dict[str, bytes] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    gaps: list[Gap] = field(default_factory=list)
    seen: int = 0
    begin: int | None = None  # from when on it is complete


class Stream:
    """One connection on its way to pages."""

    def __init__(self, host: Host, pull: Pull, reader: Reader, start: Position | None) -> None:
        self._host = host
        self._pull = pull
        self._reader = reader
        self.position = start
        self._resumes = start is not None
        self._is_first = True
        self._batch = _Batch()
        self._idle = seconds_of(pull, "idle", _IDLE)
        self._stalled = seconds_of(pull, "stalled", _STALLED)
        self._page_seconds = min(seconds_of(pull, "page", _PAGE_SECONDS), self._idle)
        self._asked_at = pull.clock.now()

    def pages(self, connection: ClientConnection) -> Iterator[Page]:
        """Pages until there is a reason to end."""
        clock = self._pull.clock
        heard = clock.monotonic()
        while not self._pull.stopping():
            try:
                n_frames = self._gather(connection)
            except (ConnectionClosed, UnavailableError):
                yield self._page()  # what came before is whole
                raise
            if n_frames:
                heard = clock.monotonic()
            yield self._page()
            silent = clock.monotonic() - heard
            if self._pull.catch_up and (silent >= self._idle or self._is_live()):
                return
            if silent >= self._stalled:
                raise UnavailableError(
                    f"bluesky: {self._host.name} sent nothing for {silent:.0f} s"
                )

    def _is_live(self) -> bool:
        return self.position is not None and self.position.at >= self._asked_at

    def _gather(self, connection: ClientConnection) -> int:
        """Take frames for a page; returns their number."""
        clock = self._pull.clock
        until = clock.monotonic() + self._page_seconds
        n_frames = 0
        while n_frames < _PAGE_FRAMES and clock.monotonic() < until:
            if self._pull.stopping():
                break
            try:
                frame = connection.recv(timeout=_LOOK, decode=False)
            except TimeoutError:
                if n_frames:
                    break
                continue
            n_frames += 1
            self._take(frame)
        return n_frames

    def _take(self, frame: bytes) -> None:
        batch = self._batch
        batch.seen += 1
        event, raw = self._reader.read(frame, is_compressed=frame.startswith(_ZSTD))
        if event.error is not None:
            raise UnavailableError(f"bluesky: {self._host.name} ended the stream: {event.error}")
        if event.at is not None and event.at <= self._pull.clock.now() + _FUTURE:
            self._move(event.at, event)
        if event.departed is not None:
            batch.departed.append(event.departed)
        outcome = event.outcome
        if isinstance(outcome, Deletion):
            batch.deletions.append(outcome)
        elif isinstance(outcome, Skip):
            batch.skipped[outcome.reason] += 1
        elif outcome is not None and event.is_edit:
            batch.edits.append(outcome)
            self._keep_raw(outcome, raw)
        elif outcome is not None and self._pull.wants(outcome.text):
            batch.posts.append(outcome)
            self._keep_raw(outcome, raw)

    def _keep_raw(self, post: Post, raw: bytes) -> None:
        if self._pull.keep_raw:
            self._batch.raws[post.post_id] = raw

    def _move(self, at: int, event: Event) -> None:
        """Move on to an event; the first one tells whether something is missing."""
        batch, position = self._batch, self.position
        if self._is_first:
            self._is_first = False
            is_whole = self._resumes and position is not None and at <= position.at
            if not is_whole:
                batch.gaps.extend(self._lost(at))
                position = Position(at)
        assert position is not None
        if batch.begin is None:
            batch.begin = position.at
        self.position = Position(max(at, position.at), self._host.base, event.seq)

    def _lost(self, first: int) -> Iterator[Gap]:
        """What each service misses between its position and the first event."""
        for service, text in self._pull.cursors.items():
            at = Position.read(text).at
            if service in self._pull.services and at < first:
                yield Gap(at + 1, first, f"{self._host.name} no longer had it (look-back)", service)

    def _page(self) -> Page:
        batch, self._batch = self._batch, _Batch()
        position = self.position
        cursors, watched = {}, None
        if batch.begin is not None and position is not None:
            cursor = position.write()
            cursors = dict.fromkeys(self._pull.services, cursor)
            watched = (batch.begin, position.at + 1)
        return Page(
            posts=batch.posts,
            edits=batch.edits,
            deletions=batch.deletions,
            departed=batch.departed,
            cursors=cursors,
            watched=watched,
            gaps=batch.gaps,
            raws=batch.raws,
            seen=batch.seen,
            skipped=dict(batch.skipped),
        )
