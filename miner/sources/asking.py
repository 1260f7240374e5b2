"""Asking a platform over HTTP: bounded in seconds and bytes, and what its refusals mean."""

from __future__ import annotations

import io
import time
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3

from miner.errors import RefusedError, SourceError, UnavailableError, UsageError
from miner.sources.waiting import retry_at

#: Seconds to connect and between two bytes, and for a whole reply: one that comes in drops
#: must not hold a collection.
PATIENCE: Final = 20.0
LONGEST: Final = 60.0
#: Bytes of a reply: many times those of a full page.
LARGEST: Final = 64 << 20
_PIECE: Final = 1 << 16

#: Refusals that pass by themselves, beside all of 500 and more.
_PASSING: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)


class Session(requests.Session):
    """A session of requests whose replies are read whole within bounds.

    Attributes:
        reply: the latest reply.
    """

    def __init__(self, *, longest: float = LONGEST, largest: int = LARGEST) -> None:
        super().__init__()
        self.reply: requests.Response | None = None
        self._longest = longest
        self._largest = largest
        # Else a .netrc entry of the same host would take the place of the token.
        self.auth = lambda request: request

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """The reply; its body is here, unless a stream was asked for.

        Raises:
            requests.RequestException: no connection, a torn one, or out of bounds.
        """
        is_stream = bool(options.get("stream"))
        until = time.monotonic() + self._longest
        options["timeout"] = options.get("timeout") or PATIENCE
        self.reply = None
        response = super().send(request, **{**options, "stream": True})
        if not is_stream:
            # `raw` is what requests reads the body from, later and without bounds.
            response.raw = io.BytesIO(self._read(response, until))
        self.reply = response
        return response

    def _read(self, response: requests.Response, until: float) -> bytes:
        raw: urllib3.HTTPResponse = response.raw
        body = bytearray()
        try:
            while piece := raw.read1(_PIECE, decode_content=True):
                body += piece
                if len(body) > self._largest:
                    raise requests.ConnectionError(f"sent more than {self._largest >> 20} MB")
                if time.monotonic() > until:
                    raise requests.ReadTimeout(f"was not done after {self._longest:.0f} s")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if isinstance(error, requests.RequestException):
                raise
            raise requests.ConnectionError(
                f"broke off its reply ({type(error).__name__})"
            ) from None
        finally:
            raw.close()
        return bytes(body)


def failure(who: str, error: Exception) -> UnavailableError:
    """What a failed connection means; addresses stay out of it, for they can hold keys."""
    text = str(error)
    if "://" in text or "host=" in text or len(text) > 120:
        text = _reason(error)
    return UnavailableError(f"{who} cannot be reached ({text or type(error).__name__})")


def _reason(error: BaseException) -> str:
    """The innermost reason: requests wraps that of urllib3, which wraps that of the socket."""
    while True:
        inner = next((arg for arg in error.args if isinstance(arg, Exception)), None)
        inner = inner or getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            break
        error = inner
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    return type(error).__name__ if "://" in text or "host=" in text else text.split(": ")[-1][:120]


def refusal(who: str, status: int, headers: Any, now: int, advice: str = "") -> SourceError:
    """What a status other than success means.

    Args:
        who: source and host, as the message begins.
        status: of HTTP.
        headers: of the reply; they may name a time to come back.
        now: microseconds since 1970 UTC.
        advice: what its user can do about a refusal that does not pass by itself.
    """
    said = f"{who} answered {status}{_phrase(status)}"
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnavailableError(said, retry_at(dict(headers), now))
    return RefusedError(f"{said}; {advice}" if advice else said)


def _phrase(status: int) -> str:
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""


def base_of(url: str) -> str:
    """An address without its path and without a password: where the platform is.

    Raises:
        UsageError: it is no address of a host.
    """
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in {"http", "https"} or not host:
        raise UsageError(f"{url!r} is no address of a host; write it as https://example.org")
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + (f":{port}" if port else "")
