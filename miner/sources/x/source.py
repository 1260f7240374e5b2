"""X: recent search, full-archive search, the filtered stream, counts; a key is needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from miner.errors import UsageError
from miner.sources.protocol import Page, Pull
from miner.sources.x.client import Client
from miner.sources.x.counting import count, draw
from miner.sources.x.prices import price
from miner.sources.x.search import search, settled
from miner.sources.x.stream import follow
from miner.sources.x.terms import warn_of_itself

_WAYS: Final = ("search", "archive", "stream")
#: Seconds between two looks at recent search.
_PERIOD: Final = 60.0


class X:
    """Posts of X.

    The key is the environment variable ``X_BEARER_TOKEN``. Settings: ``via`` ("search",
    the last seven days; "archive"; "stream"), ``langs`` and ``queries`` (whose phrases,
    how many queries of each), ``slice`` (minutes of a time slice), ``page`` (seconds of
    a page of the stream), and the prices of :mod:`miner.sources.x.prices`.
    """

    name = "x"

    def __init__(self) -> None:
        self._has_warned = False
        self._open: tuple[Pull, Client] | None = None

    def pages(self, pull: Pull) -> Iterator[Page]:
        """Pages from the services' cursors on.

        Raises:
            UnavailableError: X gives nothing for now.
            RefusedError: there is no key, or X gives nothing until its user acts.
            BudgetError: the money is spent.
            UsageError: a setting makes no sense.
        """
        client, via = self._begin(pull)
        if pull.budget is not None:
            _refuse_budget(via)
        while not pull.stopping():
            if via == "stream" and not pull.catch_up:
                yield from follow(client, pull)
                return
            yield from search(client, pull, "search" if via == "stream" else via, settled(pull))
            if pull.catch_up or pull.wait(_PERIOD):
                return

    def count(self, pull: Pull, service: str, start: int, end: int) -> Iterator[Page]:
        """Pages with the mentions of every minute of ``[start, end)``."""
        client, via = self._begin(pull)
        _refuse_budget(via)
        yield from count(client, pull, service, start, end, via)

    def draw(self, pull: Pull, service: str, window: tuple[int, int], most: int) -> Iterator[Page]:
        """Pages with every post of a window, at most ``most`` a request."""
        client, via = self._begin(pull)
        yield from draw(client, pull, service, window, most, via)

    def price_of_post(self, pull: Pull) -> int:
        """Micros that a post costs."""
        return price("price_post", pull.options)

    def _begin(self, pull: Pull) -> tuple[Client, str]:
        via = pull.options.get("via", "search")
        if via not in _WAYS:
            raise UsageError(f"x.via={via!r} is not one of {', '.join(_WAYS)}")
        if not self._has_warned:
            self._has_warned = True
            warn_of_itself(pull.services)
        if self._open is None or self._open[0] is not pull:
            self._open = pull, Client(pull)
        return self._open[1], via


def _refuse_budget(via: str) -> None:
    if via == "stream":
        raise UsageError(
            "x: a stream gives as many posts as are written, so that no budget can be kept; "
            "use --budget with x.via=search or archive"
        )
