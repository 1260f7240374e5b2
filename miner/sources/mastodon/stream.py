"""Streams of a server: posts within seconds, and what was edited or deleted.

A stream has no history and tells nothing of what it missed; what was watched is told by
the questions that are asked beside it. So a stream that breaks loses nothing.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Final

import requests
import urllib3
from mastodon import StreamListener

from miner.errors import RefusedError, SourceError, UnavailableError
from miner.sources.asking import failure
from miner.sources.mastodon.instance import Instance

_log = logging.getLogger(__name__)

#: Seconds without a byte: servers send a sign of life every 15.
_SILENT: Final = 60.0
#: Bytes of one event, and events that wait to be read, before the stream is dropped.
_LONGEST: Final = 4 << 20
_WAITING: Final = 20_000
_PIECE: Final = 1 << 16

#: Name of an event and its payload: JSON, or the id of a status.
Event = tuple[str, str]


class Stream(StreamListener):
    """One stream, read in a thread of its own.

    Attributes:
        error: why it ended; None while it runs.
    """

    def __init__(self, instance: Instance, what: str) -> None:
        """Open a stream: ``public``, ``public:local`` or a hashtag."""
        self.instance = instance
        self.error: SourceError | None = None
        self._what = what
        self._events: queue.Queue[Event] = queue.Queue(_WAITING)
        self._response: requests.Response | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=f"mastodon {what}", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether events still come."""
        return self._thread.is_alive()

    def take(self) -> list[Event]:
        """The events that came since the last time."""
        events = []
        while True:
            try:
                events.append(self._events.get_nowait())
            except queue.Empty:
                return events

    def close(self) -> None:
        """End the stream."""
        self._is_closed = True
        response = self._response
        if response is not None:
            shutdown: Callable[[], None] | None = getattr(response.raw, "shutdown", None)
            try:
                if shutdown is not None:
                    shutdown()  # wakes the thread that reads; closing alone does not
            except (OSError, ValueError, RuntimeError):
                pass
        self._thread.join(1.0)

    def handle_stream(self, response: requests.Response) -> None:
        """Read events as they come; the client's own reader dies of the first bad one."""
        self._response = response
        event: dict[str, str] = {}
        line = b""
        raw: urllib3.HTTPResponse = response.raw
        while not self._is_closed and (piece := raw.read1(_PIECE, decode_content=True)):
            *lines, line = (line + piece).split(b"\n")
            if len(line) > _LONGEST:
                raise requests.ConnectionError("sent an event without an end")
            for text in lines:
                if not text.strip():
                    self._dispatch_text(event)
                    event = {}
                    continue
                name, _, value = text.decode("utf-8", "replace").partition(":")
                if name in {"event", "data"}:
                    value = value.strip()
                    event[name] = f"{event[name]}\n{value}" if name in event else value

    def _dispatch_text(self, event: dict[str, str]) -> None:
        if "event" not in event or "data" not in event:
            return
        try:
            self._events.put_nowait((event["event"], event["data"]))
        except queue.Full:
            raise requests.ConnectionError("sent more than could be read") from None

    def _run(self) -> None:
        client, who = self.instance.client, f"mastodon: stream of {self.instance.host}"
        try:
            if self._what.startswith("public"):
                is_local = self._what.endswith(":local")
                client.stream_public(self, local=is_local, timeout=_SILENT)
            else:
                client.stream_hashtag(self._what, self, timeout=_SILENT)
            self.error = UnavailableError(f"{who} was closed")
        except Exception as error:  # noqa: BLE001
            # Whatever it is, it must be told in the thread that collects, not here.
            self.error = self._explained(who, error)
        if not self._is_closed:
            _log.warning("%s", self.error)

    def _explained(self, who: str, error: Exception) -> SourceError:
        status = self.instance.last_status
        if status in {401, 403}:
            return RefusedError(f"{who} answered {status}. {self.instance.advice()}")
        return failure(who, error)
