"""Collection on a budget: every mention counted, complaints estimated from a sample.

Counts cost by the request, posts by the post. So a range is counted first, minute by
minute; then windows of it are drawn at random, one after another, where a draw reduces
the error of the estimate most (:mod:`miner.sampler`), until the money is spent or
everything was drawn. What was counted, drawn and spent is in the database, so that a
run which was killed goes on with the same sample and what was left of its budget.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeGuard

from miner.counter.times import DAY, SECOND, WEEK
from miner.errors import BudgetError
from miner.sampler import choose, plan, tallies
from miner.sources.protocol import CountingSource, Page, Pull, Source
from miner.store import Writer
from miner.store.sampling import add_plan, read_counts, read_plans, read_windows

_MINUTE: Final = 60 * SECOND
#: What is younger may not be counted yet.
_SETTLED: Final = 30 * SECOND
#: Posts that a request may give: the fewest, and the most.
_FEWEST: Final = 10
_MOST: Final = 100


@dataclass(frozen=True)
class _Plan:
    """A range to be estimated: what was asked, when, and for how many posts."""

    query: str
    start: int
    end: int
    n_posts: int

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.end


def can_count(source: Source) -> TypeGuard[CountingSource]:
    """Whether a source can be collected from on a budget."""
    return all(hasattr(source, name) for name in ("count", "draw", "price_of_post"))


def sampled(
    source: CountingSource, pull: Pull, writer: Writer, left: Callable[[], int]
) -> Iterator[Page]:
    """Pages with counts and draws, until the money is spent.

    Args:
        source: asked.
        pull: what for.
        writer: where pages are stored by who takes them, before the next one is asked for.
        left: micros of the budget that are not spent.

    Raises:
        BudgetError: the money is not even enough to count.
        SourceError: as the source raises it.
    """
    for number, service in enumerate(pull.services):
        if pull.stopping():
            return
        n_left = len(pull.services) - number
        kept = left() * (n_left - 1) // n_left  # for the services that follow
        yield from _Job(source, pull, writer, service, left, kept).pages()


class _Job:
    """One service on its part of the budget."""

    def __init__(
        self,
        source: CountingSource,
        pull: Pull,
        writer: Writer,
        service: str,
        left: Callable[[], int],
        kept: int,
    ) -> None:
        self._source = source
        self._pull = pull
        self._writer = writer
        self._service = service
        self._left = left
        self._kept = kept
        self._price = source.price_of_post(pull)

    def pages(self) -> Iterator[Page]:
        """Pages of an unfinished plan, or of a new one."""
        found = self._unfinished()
        if found is None:
            span = self._range()
            if span is None:
                return
            query = ""
            for page in self._source.count(self._pull, self._service, *span):
                query = page.query
                yield page
            if self._pull.stopping():
                return
            found = _Plan(query, *span, self._affordable())
            with self._writer.transaction() as connection:
                add_plan(connection, self._source.name, self._service, query, span, found.n_posts)
        yield from self._draws(found)
        if not self._pull.stopping():
            cursors = {_cursor(self._service): str(found.end)}
            yield Page(services=(self._service,), cursors=cursors)

    def _draws(self, found: _Plan) -> Iterator[Page]:
        key = (self._source.name, self._service, found.query)
        with self._writer.transaction() as connection:
            strata = plan(read_counts(connection, *key, found.span), found.n_posts)
            drawn = read_windows(connection, *key, found.span)
        while not self._pull.stopping():
            chosen = choose(strata, tallies(strata, drawn), drawn)
            if chosen is None:
                return
            window, expected = chosen
            most = min(_MOST, self._affordable(), max(_FEWEST, math.ceil(2 * expected) + 5))
            if most < max(_FEWEST, expected * 1.5):
                return
            try:
                yield from self._source.draw(self._pull, self._service, window, most)
            except BudgetError:
                return
            with self._writer.transaction() as connection:
                drawn.update(read_windows(connection, *key, window))

    def _affordable(self) -> int:
        """Posts that can be paid for."""
        return max(0, self._left() - self._kept) // self._price if self._price else 10**9

    def _unfinished(self) -> _Plan | None:
        """The plan that an earlier run did not come to the end of."""
        done = _number(self._pull.cursors, _cursor(self._service)) or 0
        with self._writer.transaction() as connection:
            plans = read_plans(connection, self._source.name, self._service)
        left = [_Plan(*values) for values in plans if values[2] > done]
        return left[-1] if left else None

    def _range(self) -> tuple[int, int] | None:
        """What is to be counted: from the last plan on, whole minutes."""
        pull = self._pull
        now = pull.clock.now()
        end = now - _SETTLED - (now - _SETTLED) % _MINUTE
        start = _number(pull.cursors, _cursor(self._service))
        if start is None:
            start = end - DAY if pull.since is None else pull.since
        if pull.options.get("via") != "archive":
            start = max(start, now - WEEK + 2 * _MINUTE)
        start += -start % _MINUTE
        return (start, end) if start < end else None


def _cursor(service: str) -> str:
    return f"{service}/sampled"


def _number(cursors: Mapping[str, str], name: str) -> int | None:
    text = cursors.get(name, "")
    return int(text) if text.isdecimal() else None
