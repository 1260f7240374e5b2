"""Connecting to a host of Jetstream, and what its refusals mean."""

from __future__ import annotations

import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Final

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from miner.errors import RefusedError, UnavailableError, UsageError
from miner.sources.bluesky.wire import DICTIONARY_PATH, Host, Position, Reader
from miner.sources.protocol import Pull
from miner.sources.waiting import retry_at

#: Seconds to connect.
_CONNECT: Final = 20.0
_LARGEST_FRAME: Final = 16 << 20


class CursorTooOldError(Exception):
    """The host no longer has the sequence number of a position."""


def open_stream(host: Host, pull: Pull, start: Position | None, reader: Reader) -> ClientConnection:
    """A connection that goes on from a position.

    Raises:
        UnavailableError: the host cannot be reached, or gives nothing for now.
        RefusedError: the host does not accept the question.
        CursorTooOldError: the position has a sequence number that is gone.
    """
    dictionary = None if reader.dictionary is None else reader.dictionary.dict_id()
    try:
        return connect(
            host.address(start, dictionary),
            compression=None,
            open_timeout=seconds_of(pull, "connect", _CONNECT),
            close_timeout=2,
            max_size=_LARGEST_FRAME,
            max_queue=1_024,
            user_agent_header="miner",
        )
    except InvalidStatus as error:
        raise _refusal(host, error, pull) from None
    except (OSError, WebSocketException) as error:
        raise UnavailableError(
            f"bluesky: {host.name} cannot be reached ({str(error) or type(error).__name__})"
        ) from None


def _refusal(host: Host, error: InvalidStatus, pull: Pull) -> Exception:
    status, body = error.response.status_code, error.response.body or b""
    if b"CursorTooOld" in body:
        return CursorTooOldError()
    said = body[:200].decode("utf-8", "replace").strip()
    if status >= 500 or status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT}:
        headers = dict(error.response.headers.raw_items())
        return UnavailableError(
            f"bluesky: {host.name} answered {status}", retry_at(headers, pull.clock.now())
        )
    return RefusedError(f"bluesky: {host.name} refused the stream: {status} {said}")


def seconds_of(pull: Pull, name: str, default: float) -> float:
    """A setting that is a number of seconds.

    Raises:
        UsageError: it is no such number.
    """
    try:
        seconds = float(pull.options.get(name, default))
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise UsageError(
            f"bluesky: setting {name} is {pull.options[name]!r}; it is a number of seconds"
        )
    return seconds


def fetch_dictionary(host: Host) -> bytes | None:
    """The dictionary that a v2 host publishes; without it frames come uncompressed."""
    address = "http" + host.base.removeprefix("ws") + DICTIONARY_PATH
    try:
        with urllib.request.urlopen(address, timeout=_CONNECT) as reply:  # noqa: S310 - ws(s) alone
            data: bytes = reply.read(_LARGEST_FRAME)
    except (OSError, urllib.error.URLError, ValueError):
        return None
    return data or None


def read_dictionary(file: str) -> bytes:
    """The dictionary in a file.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UsageError(
            f"{file}: the zstd dictionary cannot be read: {error.strerror}; leave the setting "
            "out to go without compression"
        ) from None
