"""The filtered stream: posts as they are written, and search for what it missed.

tweepy connects again at once when X closes, and again, which X punishes; here every end
of a connection ends the pull, and the collector decides when to ask again. A stream of
self-serve access cannot go back, so what was written before the connection stood is
searched for.
"""

from __future__ import annotations

import queue
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import requests
import tweepy

from miner.errors import MinerError, UnavailableError
from miner.formats import Skip
from miner.formats.times import SECOND
from miner.sources.parsing import parse
from miner.sources.protocol import Page, Pull
from miner.sources.x.asking import queries_of, version_of
from miner.sources.x.client import FIELDS, Client
from miner.sources.x.connecting import NO_KEY, TWEEPY_HOST
from miner.sources.x.prices import price
from miner.sources.x.reading import Read
from miner.sources.x.refusals import refusal
from miner.sources.x.rules import Rule, set_rules
from miner.sources.x.search import SETTLED, search

#: A post comes this much after it was written at most: X says seven seconds for 99 %.
_LATE: Final = 15 * SECOND
#: Seconds a page gathers, and after which a stream without a sign of life is dead
#: (X sends one every 20 s).
_PAGE: Final = "1"
_SILENT: Final = 45.0
#: Posts that wait here; when it is full, X waits.
_ROOM: Final = 5_000

_SIGN_OF_LIFE: Final = b""


class _Connection(tweepy.StreamingClient):  # type: ignore[misc] # tweepy has no types
    """One connection, in a thread of its own; what it brings waits in a queue."""

    def __init__(self, client: Client, pull: Pull) -> None:
        super().__init__(NO_KEY, return_type=requests.Response, daemon=True, max_retries=0)
        self.session.mount(TWEEPY_HOST, client.adapter)
        self.session.hooks["response"].append(self._note)
        #: When it came, in micros UTC, and what.
        self.brought: queue.Queue[tuple[int, bytes | MinerError]] = queue.Queue(_ROOM)
        self._client = client
        self._pull = pull
        self._answer: requests.Response | None = None

    def on_connect(self) -> None:
        self._put(_SIGN_OF_LIFE)

    def on_data(self, raw_data: bytes) -> None:
        self._put(raw_data)

    def on_keep_alive(self) -> None:
        self._put(_SIGN_OF_LIFE)

    def on_request_error(self, status_code: int) -> None:  # noqa: ARG002 - the answer tells more
        assert self._answer is not None
        now = self._pull.clock.now()
        self._end(refusal(self._answer, now, self._client.adapter.hide))

    def on_closed(self, response: requests.Response) -> None:  # noqa: ARG002
        self._end(UnavailableError("x: the stream was closed"))

    def on_connection_error(self) -> None:
        self._end(UnavailableError("x: the stream broke off, or was silent"))

    def on_exception(self, exception: Exception) -> None:
        self._end(UnavailableError(f"x: the stream failed ({type(exception).__name__})"))

    def _end(self, error: MinerError) -> None:
        self.disconnect()  # tweepy is not to connect again by itself
        self._put(error)

    def _put(self, brought: bytes | MinerError) -> None:
        self.brought.put((self._pull.clock.now(), brought))

    def _note(self, response: requests.Response, **_: Any) -> None:
        self._answer = response


def follow(client: Client, pull: Pull) -> Iterator[Page]:
    """Pages of the stream until told to stop.

    Raises:
        UnavailableError: the stream ended, or cannot be had for now.
        RefusedError: X gives nothing until its user acts.
    """
    asked = {service: queries_of(service, pull, "x") for service in pull.services}
    connection = _Connection(client, pull)
    set_rules(connection, client, [Rule(name, one) for name in asked for one in asked[name]])
    connection.filter(threaded=True, **FIELDS)
    try:
        yield from _Stream(client, pull, connection, asked).pages()
    finally:
        connection.disconnect()


class _Stream:
    """A connection on its way to pages."""

    def __init__(
        self, client: Client, pull: Pull, connection: _Connection, asked: dict[str, list[str]]
    ) -> None:
        self._client = client
        self._pull = pull
        self._connection = connection
        self._versions = {name: version_of(asked[name]) for name in asked}
        self._price = price("price_post", pull.options)
        self._seconds = float(pull.options.get("page", _PAGE))
        self._since: int | None = None  # complete from here on
        self._until = 0  # and up to here
        self._is_joined = False  # whether what came before has been searched for

    def pages(self) -> Iterator[Page]:
        """Pages until there is a reason to end."""
        heard = self._pull.clock.monotonic()
        while not self._pull.stopping():
            read, last, error = self._gather()
            if last is not None:
                heard = self._pull.clock.monotonic()
                self._move(last)
            yield from self._of(read)
            if error is not None:
                raise error
            if self._pull.clock.monotonic() - heard > _SILENT:
                raise UnavailableError(f"x: the stream was silent for {_SILENT:.0f} s")
            if not self._is_joined and self._may_join():
                assert self._since is not None
                yield from search(self._client, self._pull, "search", self._since)
                self._is_joined = not self._pull.stopping()

    def _may_join(self) -> bool:
        """Whether X's index has what was written before the stream stood."""
        return self._since is not None and self._pull.clock.now() - self._since > SETTLED

    def _move(self, last: int) -> None:
        """Something came at a time: what is older by the stream's delay is complete."""
        if self._since is None:
            self._since = last + (-last % SECOND)
        self._until = max(self._until, last - _LATE)

    def _gather(self) -> tuple[Read, int | None, MinerError | None]:
        """What comes within the time of a page, when the last of it came, and why it ended."""
        read, last = Read(), None
        until = self._pull.clock.monotonic() + self._seconds
        while (left := until - self._pull.clock.monotonic()) > 0:
            try:
                at, brought = self._connection.brought.get(timeout=min(left, 0.25))
            except queue.Empty:
                if self._pull.stopping():
                    break
                continue
            if isinstance(brought, MinerError):
                return read, last, brought
            last = at
            if brought and (error := _take(brought, read, self._pull)) is not None:
                return read, last, error
        return read, last, None

    def _of(self, read: Read) -> Iterator[Page]:
        """Pages of what came: the posts, and what each service has watched."""
        if read.seen:
            self._pull.charge(self._price * read.seen, f"{read.seen} posts of the stream")
        yield Page(
            posts=read.posts,
            edits=read.edits,
            raws=read.raws,
            skipped=dict(read.skipped),
            seen=read.seen,
        )
        if self._since is None or not self._is_joined or self._until <= self._since:
            return
        for service, version in self._versions.items():
            watched = (self._since, self._until)
            cursors = {service: str(self._until)}
            yield Page(services=(service,), query=version, watched=watched, cursors=cursors)
        self._since = self._until


def _take(line: bytes, read: Read, pull: Pull) -> MinerError | None:
    """Add a line of the stream; the error that ends it, where the line says so."""
    record = parse(line, Counter())
    if isinstance(record, Skip):
        read.skipped[record.reason] += 1
        return None
    if not isinstance(record, dict):
        read.skipped["not an object"] += 1
        return None
    read.add(record, pull)
    if "data" not in record and isinstance(record.get("errors"), list):
        first = record["errors"][0] if record["errors"] else None
        why = first.get("disconnect_type") or first.get("title") if isinstance(first, dict) else ""
        return UnavailableError(f"x: X ended the stream ({str(why or 'no reason')[:80]})")
    return None
