"""The way to X's host: where it is, who asks, and how long an answer may take.

tweepy writes its host into every request, sends no time limit, and logs its headers.
All three are mended here, below it: the key is put in last, so that nothing above this
adapter has ever seen it.
"""

from __future__ import annotations

import io
import os
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from miner.errors import RefusedError, UsageError
from miner.sources.protocol import Clock
from miner.sources.x.refusals import KEYS_PAGE

#: The host that tweepy 4.17 asks, whatever it is told.
TWEEPY_HOST: Final = "https://api.twitter.com/"
HOST: Final = "https://api.x.com"
#: Stands where tweepy wants a key.
NO_KEY: Final = "see-connecting"
#: Seconds: to connect, between two packets, for a whole answer; a stream has no end.
_CONNECT: Final = 10.0
_READ: Final = 25.0
_ANSWER: Final = 60.0
_LARGEST: Final = 64 << 20


def bearer_token() -> str:
    """The key of the user's account.

    Raises:
        RefusedError: there is none.
    """
    token = os.environ.get("X_BEARER_TOKEN", "").strip()
    if not token or not token.isascii() or not token.isprintable():
        what = "is not a token" if token else "is not set"
        raise RefusedError(
            f"x: the environment variable X_BEARER_TOKEN {what}; how to get one: {KEYS_PAGE}"
        )
    return token


class Adapter(HTTPAdapter):
    """Sends tweepy's requests to a host, with the key and within a time."""

    def __init__(self, url: str | None, token: str, clock: Clock) -> None:
        base = urlsplit(url or HOST)
        if base.scheme not in {"http", "https"} or not base.hostname:
            raise UsageError("x: --url is no address of a host; such as https://my.mirror")
        self.host = base.hostname
        self._base = base
        self._token = token
        self._clock = clock
        super().__init__()

    def hide(self, text: str) -> str:
        """The text without the key."""
        return text.replace(self._token, "…")

    def send(
        self, request: requests.PreparedRequest, stream: bool = False, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """The answer to a request; read to its end unless it is a stream."""
        asked = urlsplit(str(request.url))
        path = self._base.path.rstrip("/") + asked.path
        request.url = urlunsplit((self._base.scheme, self._base.netloc, path, asked.query, ""))
        request.headers["Authorization"] = f"Bearer {self._token}"
        kwargs["timeout"] = (_CONNECT, _READ)
        if self.host in {"127.0.0.1", "::1", "localhost"}:
            kwargs["proxies"] = {}
        response = super().send(request, True, *args, **kwargs)
        if not response.headers.get("x-rate-limit-reset", "0").isdecimal():
            del response.headers["x-rate-limit-reset"]  # tweepy would stumble over it
        if not stream or not response.ok:
            self._read(response)
        return response

    def _read(self, response: requests.Response) -> None:
        """Read an answer, however slowly it drips, within the time."""
        until = self._clock.monotonic() + _ANSWER
        parts = io.BytesIO()
        try:
            while part := response.raw.read1(1 << 16, decode_content=True):
                parts.write(part)
                if self._clock.monotonic() > until or parts.tell() > _LARGEST:
                    response.close()
                    raise requests.Timeout("the answer does not end")
        except (HTTPError, OSError) as error:
            response.close()
            raise requests.ConnectionError(type(error).__name__) from None
        # What requests would have set by reading it by itself.
        # A host that repeats the key would have it logged.
        content = parts.getvalue().replace(self._token.encode(), b"...")
        response._content = content  # noqa: SLF001
        response._content_consumed = True  # type: ignore[attr-defined] # noqa: SLF001
