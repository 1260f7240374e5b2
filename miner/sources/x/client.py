"""Questions to X: each asked once, paid before, and answered with a value or our error."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import requests
import tweepy

from miner.errors import BudgetError, RefusedError, UnavailableError
from miner.formats import Skip
from miner.formats.times import SECOND
from miner.sources.parsing import parse
from miner.sources.protocol import Pull
from miner.sources.x.connecting import NO_KEY, TWEEPY_HOST, Adapter, bearer_token
from miner.sources.x.prices import price
from miner.sources.x.refusals import refusal

FIELDS: Final = {
    "tweet_fields": [
        "author_id",
        "created_at",
        "edit_history_tweet_ids",
        "geo",
        "lang",
        "note_tweet",
        "referenced_tweets",
    ],
    "expansions": ["geo.place_id"],
    "place_fields": ["country_code"],
}
#: Posts a request: the fewest that X accepts, and the most.
FEWEST: Final = 10
MOST: Final = {"search": 100, "archive": 500}
#: Seconds between two questions to the full archive.
_ARCHIVE_PACE: Final = 1.05

Record = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """A query and the range of time it is asked for, in micros UTC, whole seconds."""

    query: str
    start: int
    end: int


class Client:
    """X, asked within a pull; tweepy's own waiting is not used, for it can spin."""

    def __init__(self, pull: Pull) -> None:
        """Get ready; nothing is asked yet.

        Raises:
            RefusedError: there is no key.
            UsageError: the address of the host makes no sense.
        """
        self._pull = pull
        self._adapter = Adapter(pull.url, bearer_token(), pull.clock)
        self._tweepy = tweepy.Client(NO_KEY, return_type=requests.Response)
        self._tweepy.session.mount(TWEEPY_HOST, self._adapter)
        self._archive_at: float | None = None
        self._is_refused = False

    @property
    def adapter(self) -> Adapter:
        """The way to the host, for streams."""
        return self._adapter

    def search(self, question: Question, token: str | None, *, via: str, most: int) -> Record:
        """A page of posts, the newest first; see X's answer to search.

        Args:
            question: what and when.
            token: of the next page, from the one before.
            via: "search" (the last seven days) or "archive".
            most: posts that may come; fewer are asked for where the budget is short.

        Raises:
            UnavailableError: X gives nothing for now.
            RefusedError: X gives nothing until its user acts.
            BudgetError: not even the smallest page can be paid.
        """
        each = price("price_post", self._pull.options)
        n_paid = self._pay(each, most)
        ask = self._tweepy.search_recent_tweets
        if via == "archive":
            ask = self._tweepy.search_all_tweets
            self._keep_pace()
        try:
            record = self._ask(
                ask, **_times(question), next_token=token, max_results=n_paid, **FIELDS
            )
        except (UnavailableError, RefusedError):
            # A connection that failed has perhaps cost what was paid for.
            self._refund(each, n_paid if self._is_refused else 0)
            raise
        if not _is_page(record):
            raise UnavailableError("x: the answer is no page of posts")
        self._refund(each, n_paid - min(n_paid, _n_posts(record)))
        return record

    def counts(self, question: Question, token: str | None, *, via: str) -> Record:
        """Numbers of posts a minute; see X's answer to counts.

        Raises:
            UnavailableError: X gives nothing for now.
            RefusedError: X gives nothing until its user acts.
            BudgetError: the request cannot be paid.
        """
        name, path = "price_counts", "/2/tweets/counts/recent"
        if via == "archive":
            name, path = "price_counts_archive", "/2/tweets/counts/all"
            self._keep_pace()
        self._pull.charge(price(name, self._pull.options), "counts")
        params = {**_times(question), "granularity": "minute"}
        if token is not None:
            params["next_token"] = token
        # tweepy's own method does not know next_token.
        record = self._ask(lambda **values: self._tweepy.request("GET", path, values), **params)
        if not _is_page(record):
            raise UnavailableError("x: the answer is no page of counts")
        return record

    def _ask(self, ask: Callable[..., Any], **params: Any) -> Record:
        params = {name: value for name, value in params.items() if value is not None}
        with self.explained():
            response: requests.Response = ask(**params)
        value = parse(response.content, Counter())
        if isinstance(value, Skip) or not isinstance(value, dict):
            raise UnavailableError("x: the answer is no JSON object; it may be torn")
        return value

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Errors of tweepy and of the network as ours."""
        self._is_refused = False
        try:
            yield
        except tweepy.HTTPException as error:
            self._is_refused = True
            now = self._pull.clock.now()
            raise refusal(error.response, now, self._adapter.hide) from None
        except requests.RequestException as error:
            host, why = self._adapter.host, _why(error)
            raise UnavailableError(f"x: {host} cannot be reached, or stopped ({why})") from None
        except (ValueError, tweepy.TweepyException) as error:
            # tweepy reads headers and bodies without doubt.
            why = self._adapter.hide(str(error))[:200]
            raise UnavailableError(f"x: the answer cannot be read ({why})") from None

    def _pay(self, each: int, most: int) -> int:
        """Pay for as many posts as the budget allows, up to ``most``; returns how many."""
        n_posts = max(FEWEST, most)
        while True:
            try:
                self._pull.charge(each * n_posts, f"a search for up to {n_posts} posts")
            except BudgetError:
                if n_posts == FEWEST:
                    raise
                n_posts = max(FEWEST, n_posts // 2)
            else:
                return n_posts

    def _refund(self, each: int, n_posts: int) -> None:
        if n_posts:
            self._pull.charge(-each * n_posts, f"{n_posts} posts fewer came")

    def _keep_pace(self) -> None:
        """Wait until X may be asked for its archive again: once a second."""
        clock = self._pull.clock
        if self._archive_at is not None:
            left = self._archive_at + _ARCHIVE_PACE - clock.monotonic()
            if left > 0:
                self._pull.wait(left)
        self._archive_at = clock.monotonic()


def _times(question: Question) -> dict[str, str]:
    return {
        "query": question.query,
        "start_time": as_time(question.start),
        "end_time": as_time(question.end),
    }


def as_time(at: int) -> str:
    """A time as X wants it: UTC, whole seconds; tweepy would take naive times for UTC."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_page(record: Mapping[str, Any]) -> bool:
    """Whether an answer has the shape of a page; a part of one would pass for an empty one."""
    return isinstance(record.get("meta"), dict) and isinstance(record.get("data", []), list)


def _n_posts(record: Mapping[str, Any]) -> int:
    data = record.get("data")
    return len(data) if isinstance(data, list) else 0


def _why(error: Exception) -> str:
    """What went wrong below requests, in a word, without addresses."""
    inner: BaseException = error
    for _ in range(8):
        below = inner.__cause__ or inner.__context__ or getattr(inner, "reason", None)
        if below is None and inner.args and isinstance(inner.args[0], BaseException):
            below = inner.args[0]
        if not isinstance(below, BaseException):
            break
        inner = below
    text = getattr(inner, "strerror", None) or type(inner).__name__
    return str(text)
