"""Reddit: searches over all of it, and the new things of chosen subreddits.

There is no search of comments: they come from chosen subreddits alone.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from typing import Final

from miner.errors import RefusedError, UsageError
from miner.formats.times import SECOND
from miner.matcher import queries
from miner.sources.protocol import Page, Pull
from miner.sources.reddit.checking import CURSOR, check_kept
from miner.sources.reddit.client import HELP, Client, ExpiredError
from miner.sources.reddit.listing import OVERLAP, SETTLE, Listing
from miner.sources.telling import Known, told

#: Seconds from one round to the next.
_EVERY: Final = 60.0
#: Requests a second: Reddit allows 100 a minute.
_PACE: Final = 0.8
KINDS: Final = ("search", "new", "comments")


class Reddit:
    """Reddit.

    Settings: ``subreddits`` (names between commas), ``ask`` (``search``, ``new``,
    ``comments``; by default a search, and both others where there are subreddits),
    ``every`` (seconds between rounds), ``settle`` and ``overlap`` (seconds: younger
    posts are not called watched; are read again for edits and removals),
    ``user_agent``. Keys: ``REDDIT_CLIENT_ID`` and ``REDDIT_CLIENT_SECRET``.
    """

    name = "reddit"

    def __init__(self) -> None:
        self._client: Client | None = None
        self._is_token_new = True
        self._listings: dict[str, Listing] = {}
        self._done: set[str] = set()  # listings read in this catching up
        self._checked: str | None = None

    def pages(self, pull: Pull) -> Iterator[Page]:
        """Pages of rounds over all listings.

        Raises:
            UnavailableError: Reddit gives nothing for now.
            RefusedError: keys are missing or wrong, or a subreddit is closed.
        """
        every, settle = _seconds(pull, "every", _EVERY), _micros(pull, "settle", SETTLE)
        overlap = max(settle, _micros(pull, "overlap", OVERLAP))
        listings = self._made(pull)
        self._checked = pull.cursors.get(CURSOR)
        if self._client is None:
            self._client = Client(pull)
        while not pull.stopping():
            began, n_pages = pull.clock.monotonic(), 0
            try:
                for page in self._round(self._client, listings, pull, settle, overlap):
                    self._is_token_new = False
                    yield page
                    n_pages += 1
            except ExpiredError as error:
                raise self._without_token(error) from None
            if pull.catch_up:
                self._done.clear()
                return
            pause = max(every, n_pages / _PACE) - (pull.clock.monotonic() - began)
            if pull.wait(max(0.0, pause)):
                return

    def _without_token(self, error: ExpiredError) -> ExpiredError | RefusedError:
        """What to raise when the token is not taken: the first time, get a new one."""
        self._client = None
        if self._is_token_new:
            return RefusedError(f"reddit does not take the token it gave; see {HELP}")
        self._is_token_new = True
        return error

    def _round(
        self, client: Client, listings: list[Listing], pull: Pull, settle: int, overlap: int
    ) -> Iterator[Page]:
        version = functools.partial(_version, pull=pull)
        for listing in listings:
            if listing.name in self._done:
                continue
            known: dict[str, Known] = {s: _known(s, listings) for s in listing.services}
            for page in listing.pages(client, pull, settle, overlap):
                before, known = known, {s: _known(s, listings) for s in listing.services}
                yield from told(page, before, known, version)
            if pull.stopping():
                return
            if pull.catch_up:
                self._done.add(listing.name)
        for page in check_kept(client, pull, self._checked):
            self._checked = page.cursors[CURSOR]
            yield page

    def _made(self, pull: Pull) -> list[Listing]:
        """The listings to read; kept from the call before, for they know what they gave."""
        made = []
        for listing in _listings(pull):
            known = self._listings.setdefault(listing.name, listing)
            known.load(pull)
            made.append(known)
        return made


def _listings(pull: Pull) -> Iterator[Listing]:
    subreddits = _subreddits(pull)
    for kind in _kinds(pull):
        if kind == "search":
            for service in pull.services:
                for query in _queries(service, pull):
                    params = {"q": query, "sort": "new", "type": "link", "t": "all"}
                    yield Listing(
                        f"{service} search {_digest(query)}", (service,), "search", params
                    )
        elif not subreddits:
            raise UsageError(f"reddit.ask={kind} needs reddit.subreddits, names between commas")
        else:
            joined = "+".join(subreddits)
            yield Listing(f"{kind} of {joined}", pull.services, f"r/{joined}/{kind}", {})


def _kinds(pull: Pull) -> tuple[str, ...]:
    default = "search new comments" if _subreddits(pull) else "search"
    kinds = tuple(pull.options.get("ask", default).replace(",", " ").split())
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(f"reddit.ask={kind!r}: use one or more of {', '.join(KINDS)}")
    return kinds


def _subreddits(pull: Pull) -> list[str]:
    names = pull.options.get("subreddits", "").replace(",", " ").replace("+", " ").split()
    names = [name.removeprefix("/").removeprefix("r/").strip("/") for name in names]
    for name in names:
        if not name.replace("_", "").isalnum() or not name.isascii():
            raise UsageError(f"reddit.subreddits: {name!r} is no name of a subreddit")
    return list(dict.fromkeys(names))


def _queries(service: str, pull: Pull) -> list[str]:
    """Names alone: with phrases there would be hundreds; matching sorts out the rest."""
    return queries(service, "reddit", mention=True, lexicon=pull.lexicon)


def _version(service: str, pull: Pull) -> str:
    """Fingerprint of what is asked for a service; where it changes, so does the series."""
    kinds = _kinds(pull)
    parts = [*kinds, *_subreddits(pull), *(_queries(service, pull) if "search" in kinds else [])]
    return f"reddit {_digest(chr(10).join(parts))}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _known(service: str, listings: list[Listing]) -> tuple[int, int]:
    """From when and up to when all listings of a service are known."""
    places = [one.place for one in listings if service in one.services and one.place is not None]
    return max(place.since[service] for place in places), min(place.at for place in places)


def _seconds(pull: Pull, name: str, default: float) -> float:
    try:
        return max(0.0, float(pull.options.get(name, default)))
    except ValueError:
        raise UsageError(f"reddit.{name} is a number of seconds") from None


def _micros(pull: Pull, name: str, default: int) -> int:
    return round(_seconds(pull, name, default / SECOND) * SECOND)
