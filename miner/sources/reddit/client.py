"""Asking Reddit: the client of PRAW, with our own bounds and waiting.

PRAW sleeps where Reddit asks to wait and where a request fails, up to minutes, and
cannot be told to stop. So replies are judged before it sees them: what may pass is
raised at once, and the collector waits.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import praw
import prawcore
import requests

from miner.errors import RefusedError, SourceError, UnavailableError
from miner.formats import Skip
from miner.formats.times import SECOND
from miner.sources.asking import PATIENCE, Session, base_of, failure, refusal
from miner.sources.parsing import parse
from miner.sources.protocol import Clock, Pull

CLIENT_ID: Final = "REDDIT_CLIENT_ID"
CLIENT_SECRET: Final = "REDDIT_CLIENT_SECRET"  # noqa: S105 - the name of a variable
#: How keys are got: since November 2025 an application must be approved first.
HELP: Final = "https://support.reddithelp.com/hc/en-us/articles/16160319875092-Reddit-Data-API-Wiki"
_USER_AGENT: Final = "python:miner:v0.1 (outage research)"
_TOKEN_PATH: Final = "/api/v1/access_token"  # noqa: S105 - an address
_LIMITS: Final = ("x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-used")


class ExpiredError(UnavailableError):
    """The access token is no longer taken: a new one is to be asked for."""


class Limits:
    """What Reddit said about how much may still be asked.

    Attributes:
        resume_at: not to be asked before, microseconds since 1970 UTC.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.resume_at = 0

    def check(self) -> None:
        """Raise UnavailableError while nothing may be asked."""
        if self.clock.now() < self.resume_at:
            raise UnavailableError("reddit: the limit of requests is reached", self.resume_at)

    def note(self, headers: Mapping[str, str]) -> None:
        """Note the headers of a reply; values that are no numbers say nothing."""
        try:
            remaining = float(headers["x-ratelimit-remaining"])
            reset = float(headers["x-ratelimit-reset"])
        except (KeyError, ValueError):
            return
        # Reddit's window is ten minutes: a longer one is a slip.
        if remaining < 1 and 0 < reset <= 600:
            self.resume_at = self.clock.now() + round(reset * SECOND)


class _Requestor(prawcore.Requestor):
    """How PRAW sends requests: within bounds, and without its own waiting."""

    def __init__(self, *, session: Session, limits: Limits, **options: Any) -> None:
        super().__init__(session=session, **options)
        self._session = session
        self._limits = limits

    def request(
        self, *arguments: Any, timeout: float | None = None, **options: Any
    ) -> requests.Response:
        """The reply of success, or of a kind that PRAW need not wait for."""
        self._limits.check()
        try:
            options["timeout"] = timeout or PATIENCE
            reply = self._session.request(*arguments, **options)
        except requests.RequestException as error:
            raise failure("reddit", error) from None
        self._limits.note(reply.headers)
        if reply.status_code != HTTPStatus.OK:
            raise _refusal(reply, self._limits.clock.now())
        for name in _LIMITS:
            reply.headers.pop(name, None)  # PRAW would sleep by them
        return reply


class Client:
    """Reddit as an application sees it, without an account."""

    def __init__(self, pull: Pull) -> None:
        """Make a client from the keys in the environment.

        Raises:
            RefusedError: a key is missing.
        """
        client_id, secret = (
            os.environ.get(name, "").strip() for name in (CLIENT_ID, CLIENT_SECRET)
        )
        missing = [n for n, v in ((CLIENT_ID, client_id), (CLIENT_SECRET, secret)) if not v]
        if missing:
            raise RefusedError(
                f"reddit: {' and '.join(missing)} not set; Reddit gives keys to approved "
                f"applications, see {HELP}"
            )
        self.notes: Counter[str] = Counter()
        self._session = Session()
        here = (
            {}
            if pull.url is None
            else dict.fromkeys(("reddit_url", "oauth_url"), base_of(pull.url))
        )
        self._reddit = praw.Reddit(
            client_id=client_id,
            client_secret=secret,
            user_agent=pull.options.get("user_agent", _USER_AGENT),
            check_for_updates=False,
            requestor_class=_Requestor,
            requestor_kwargs={"session": self._session, "limits": Limits(pull.clock)},
            **here,
        )

    def ask(self, path: str, **params: str | int | None) -> object:
        """The JSON of a reply.

        Raises:
            UnavailableError: not for now, or what came is no JSON.
            RefusedError: not until the user acts.
        """
        given = {name: value for name, value in params.items() if value is not None}
        self._session.reply = None
        try:
            self._reddit.request(method="GET", path=path, params=given)
        except SourceError:
            raise
        except prawcore.OAuthException:
            raise RefusedError(_wrong_keys()) from None
        except Exception:
            # PRAW could not make sense of the reply; whether we can is seen below.
            if self._session.reply is None:
                raise
        reply = self._reply()
        if reply is None or _is_token(reply):
            raise UnavailableError("reddit gave an access token that cannot be read")
        found = parse(reply.content, self.notes)
        if isinstance(found, Skip):
            raise UnavailableError(f"reddit sent a reply that is {found.reason}")
        return found

    def _reply(self) -> requests.Response | None:
        return self._session.reply


def _is_token(reply: requests.Response) -> bool:
    return urlsplit(reply.url).path == _TOKEN_PATH


def _refusal(reply: requests.Response, now: int) -> SourceError:
    status, path = reply.status_code, urlsplit(reply.url).path
    if _is_token(reply) and status in {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
    }:
        return RefusedError(f"{_wrong_keys()} (it answered {status})")
    if status == HTTPStatus.UNAUTHORIZED:
        return ExpiredError("reddit no longer takes the access token; a new one is asked for")
    if status < HTTPStatus.BAD_REQUEST or status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        advice = f"there is no {path}; check the names in reddit.subreddits"
    else:
        advice = f"{path} is private, or the application is not approved for it, see {HELP}"
    return refusal("reddit", status, reply.headers, now, advice)


def _wrong_keys() -> str:
    return f"reddit does not take {CLIENT_ID} and {CLIENT_SECRET}; check them, or see {HELP}"
