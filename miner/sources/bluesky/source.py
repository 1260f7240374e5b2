"""Bluesky through Jetstream: every public post as it is written; no account needed.

The stream has no search: every post comes, and those that cannot be about a service
are dropped here. It keeps one to one and a half days, so that an interruption shorter
than that is read again in full; a longer one leaves a gap, with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from websockets.exceptions import ConnectionClosed

from miner.errors import RefusedError, UnavailableError
from miner.sources.bluesky.connecting import (
    CursorTooOldError,
    fetch_dictionary,
    open_stream,
    read_dictionary,
)
from miner.sources.bluesky.stream import Stream
from miner.sources.bluesky.wire import Host, Position, Reader, hosts_of
from miner.sources.protocol import Page, Pull


class Bluesky:
    """The stream of Bluesky."""

    name = "bluesky"
    settings: ClassVar[Mapping[str, str]] = {
        "wire": "v1 or v2: what addresses without a path speak",
        "compress": "off: as it is; otherwise compressed where there is a dictionary",
        "dictionary": "a file: the zstd dictionary of the v1 wire; the v2 wire brings its own",
        "connect": "seconds to wait for a connection",
        "idle": "seconds of silence after which it has caught up",
        "stalled": "seconds of silence after which a host is stuck",
        "page": "seconds of a page",
    }

    def __init__(self) -> None:
        self._turn = 0  # which host; the next one after a failure
        self._dictionaries: dict[str, bytes | None] = {}

    def pages(self, pull: Pull) -> Iterator[Page]:
        """Pages from the earliest of the services' cursors on.

        Raises:
            UnavailableError: the host closed, is stuck, or cannot be reached; the next
                call asks another one.
            RefusedError: the host does not accept the question.
        """
        hosts = hosts_of(pull.url, pull.options.get("wire", ""))
        host = hosts[self._turn % len(hosts)]
        try:
            yield from self._follow(host, pull, _start(pull))
        except ConnectionClosed as error:
            self._turn += 1
            close = error.rcvd or error.sent
            how = "without a word" if close is None else f"with {close.code} {close.reason}".strip()
            raise UnavailableError(f"bluesky: {host.name} closed the stream {how}") from None
        except UnavailableError:
            self._turn += 1
            raise

    def _follow(self, host: Host, pull: Pull, start: Position | None) -> Iterator[Page]:
        reader = Reader(pull.author_key, self._dictionary(host, pull))
        stream = Stream(host, pull, reader, start)
        try:
            connection = open_stream(host, pull, start, reader)
        except CursorTooOldError:
            # Sequence numbers that old are gone: by time, the host gives what it has.
            assert start is not None
            stream.position = start = Position(start.at, start.host)
            connection = open_stream(host, pull, start, reader)
        with connection:
            yield from stream.pages(connection)

    def _dictionary(self, host: Host, pull: Pull) -> dict[str, bytes]:
        """The zstd dictionary of a host, if there is one to be had."""
        if pull.options.get("compress") == "off":
            return {}
        if host.base not in self._dictionaries:
            file = pull.options.get("dictionary")
            if host.is_v2:
                self._dictionaries[host.base] = fetch_dictionary(host)
            elif file:
                self._dictionaries[host.base] = read_dictionary(file)
            else:
                self._dictionaries[host.base] = None
        data = self._dictionaries[host.base]
        return {} if data is None else {"zstd": data}


def _start(pull: Pull) -> Position | None:
    """Where to go on: the earliest of the services' positions, so that none misses any."""
    positions = []
    for service in pull.services:
        try:
            positions.append(Position.read(pull.cursors[service]))
        except KeyError:
            continue
        except (ValueError, TypeError):
            raise RefusedError(
                f"bluesky: the stored cursor of {service} is damaged; `miner doctor` tells more"
            ) from None
    if positions:
        return min(positions, key=lambda position: position.at)
    return None if pull.since is None else Position(pull.since)
