"""One Mastodon server: what it lets us see, and asking it for statuses."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import requests
from mastodon import Mastodon as Client
from mastodon.errors import MastodonError

from miner.errors import RefusedError, SourceError, UnavailableError
from miner.formats import Skip
from miner.formats.fields import as_dict
from miner.sources.asking import PATIENCE, Session, failure, refusal
from miner.sources.parsing import parse
from miner.sources.protocol import Clock

#: Statuses of a page, the most there are.
PAGE: Final = 40
USER_AGENT: Final = "miner (outage research)"
_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
#: The two kinds of feeds of the access rules of Mastodon 4.5, by what is asked for.
FEEDS: Final = {"tags": "hashtag_feeds", "public": "live_feeds"}

Record = dict[str, Any]


class Instance:
    """One server.

    Attributes:
        base: its address.
        host: the name it is known by, in cursors and messages.
        has_token: whether we are somebody there.
        notes: oddities of its replies by their number.
    """

    def __init__(self, base: str, token: str | None, clock: Clock) -> None:
        self.base = base
        self.host = urlsplit(base).netloc
        self.has_token = token is not None
        self.notes: Counter[str] = Counter()
        self._token = token
        self._clock = clock
        self._session = Session()
        self._client = Client(
            api_base_url=base,
            access_token=token,
            ratelimit_method="throw",  # the collector waits, and can be told to stop
            request_timeout=PATIENCE,
            session=self._session,
            user_agent=USER_AGENT,
        )

    @property
    def client(self) -> Client:
        """The client, for what this class has no word for."""
        return self._client

    @property
    def last_status(self) -> int | None:
        """Status of the latest reply; None where there was none."""
        return None if self._session.reply is None else self._session.reply.status_code

    def twin(self) -> Instance:
        """The same server over connections of its own, for another thread."""
        return Instance(self.base, self._token, self._clock)

    def tags(self, names: tuple[str, ...], **bounds: str) -> list[Record]:
        """Statuses with any of some hashtags, newest first.

        Args:
            names: at most four hashtags; servers leave out further ones without a word.
            bounds: ``min_id`` for those right after it, ``max_id`` for those right before.
        """
        others = urlencode([("any[]", name) for name in names[1:]])
        timeline = f"tag/{quote(names[0])}" + (f"?{others}" if others else "")
        return self._list(lambda: self._client.timeline(timeline, limit=PAGE, **bounds), "/tag/")

    def public(self, *, is_local: bool, **bounds: str) -> list[Record]:
        """All public statuses that the server knows, or those written there."""
        return self._list(
            lambda: self._client.timeline("public", local=is_local, limit=PAGE, **bounds),
            "/public",
        )

    def search(self, query: str, **bounds: str) -> list[Record]:
        """Statuses found by a search, newest first; needs a token."""
        found = self._ask(
            lambda: self._client.search_v2(
                query, resolve=False, result_type="statuses", limit=PAGE, **bounds
            ),
            "/search",
        )
        return self._records(as_dict(found).get("statuses"))

    def status(self, status_id: str) -> Record | None:
        """A single status; None where it is gone."""
        try:
            record = self._ask(lambda: self._client.status(status_id), "/statuses/")
        except _GoneError:
            return None
        return as_dict(record)

    def access(self, kind: str) -> str:
        """What we may see of a kind of feed: "" for all, "local" or "remote" for a part.

        Raises:
            RefusedError: nothing of it.
            UnavailableError: the server does not answer.
        """
        try:
            told = as_dict(self._ask(self._client.instance_v2, "/instance"))
        except _GoneError:
            return ""  # older than 4.0, or another kind of server: no rules to read
        rules = as_dict(as_dict(told.get("configuration")).get("timelines_access"))
        feed = as_dict(rules.get(FEEDS[kind]))
        open_to = {"public", "authenticated"} if self.has_token else {"public"}
        seen = [side for side in ("local", "remote") if feed.get(side, "public") in open_to]
        if seen:
            return "" if len(seen) == 2 else seen[0]
        needs = "authenticated" in feed.values() and not self.has_token
        raise RefusedError(
            f"mastodon: {self.host} shows its {kind} "
            + (f"only with a token. {self.advice()}" if needs else "to nobody; leave it out")
        )

    def advice(self) -> str:
        """How to get a token of this server."""
        return (
            f"Make one at {self.base}/settings/applications (scope read), set "
            "MASTODON_ACCESS_TOKEN to it and name this instance first; or leave it out"
        )

    def _list(self, call: Callable[[], object], part: str) -> list[Record]:
        return self._records(self._ask(call, part))

    def _records(self, found: object) -> list[Record]:
        if not isinstance(found, list):
            raise UnavailableError(f"mastodon: {self.host} sent something that is no list")
        records = [record for record in found if isinstance(record, dict)]
        self.notes["not an object"] += len(found) - len(records)
        return records

    def _ask(self, call: Callable[[], object], part: str) -> object:
        """The JSON of a reply as it came: the client's own types drop and bend values.

        Args:
            call: lets the client ask; it may ask for other things before.
            part: of the address of what is meant.

        Raises:
            UnavailableError: not for now, or what came is no JSON.
            RefusedError: not until the user acts.
            _GoneError: what was asked for does not exist.
        """
        who = f"mastodon: {self.host}"
        self._session.reply = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what matters of them `access` says in full
                call()
        except MastodonError as error:
            if self._session.reply is None:
                raise failure(who, _cause(error)) from None
        except Exception:
            # The client failed to turn the reply into its types; ours reads it with doubt.
            if self._session.reply is None:
                raise
        reply = self._reply()
        if part not in urlsplit(reply.url).path:
            raise UnavailableError(f"{who} sent something that cannot be read")
        if not reply.ok:
            raise self._refusal(reply.status_code, reply.headers)
        found = parse(reply.content, self.notes)
        if isinstance(found, Skip):
            raise UnavailableError(f"{who} sent a reply that is {found.reason}")
        return found

    def _reply(self) -> requests.Response:
        reply = self._session.reply
        if reply is None:
            raise UnavailableError(f"mastodon: {self.host} was not asked")
        return reply

    def _refusal(self, status: int, headers: Any) -> SourceError:
        if status in _GONE:
            return _GoneError(f"mastodon: {self.host} has no such page ({status})")
        advice = self.advice()
        if self.has_token and status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            advice = f"its token may have expired. {advice}"
        return refusal(f"mastodon: {self.host}", status, headers, self._clock.now(), advice)


def _cause(error: Exception) -> Exception:
    """What the client's own error stands for."""
    return error.__context__ if isinstance(error.__context__, Exception) else error


class _GoneError(RefusedError):
    """What was asked for does not exist, or no longer."""
