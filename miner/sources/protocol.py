"""What a live source is: a name, and a generator of pages.

A source is a class that is made without arguments and has::

    name = "example"

    def pages(self, pull: Pull) -> Iterator[Page]: ...

and is registered in the group ``miner.sources`` of its package's entry points::

    [project.entry-points."miner.sources"]
    example = "my_package.example:Example"

``pages`` asks the platform, starting from ``pull.cursors``, and yields what each
request gave. The collector matches, labels and stores a page *before it asks for the
next one*, all changes of the page in one transaction: posts, deletions, cursors and
what was watched. From this follow the rules of a good source, which
:func:`miner.testing.check_source` checks:

1. **Resume.** ``pages`` may be abandoned after any page (a crash, a stop, a failure) and
   called again with the cursors stored by then. What comes must be no less than what
   would have come; coming twice is harmless, for posts are upserted by
   ``(source, post_id)`` and the first one seen wins.
2. **A cursor never promises more than the pages so far hold.** A platform that lists
   the newest first must not keep "newest seen": cut the range into time slices
   (:func:`miner.sources.slices.slices`) and move the cursor with the last page of a slice.
3. **Watched means complete.** ``page.watched`` is an interval of which, together with
   the pages before, everything the platform has for us is known. A slice is watched
   with its last page. What is lost for good is a :class:`Gap` with its reason.
4. **Failing.** Raise :class:`~miner.errors.UnavailableError` for whatever may pass (with
   ``retry_at`` where the platform names a time, see
   :func:`miner.sources.waiting.retry_at`) and :class:`~miner.errors.RefusedError` for
   what needs its user. Do not sleep and do not retry: the collector waits, with
   jitter and bounds, and calls ``pages`` again.
5. **Stopping.** Between requests, and at least every few seconds of a quiet stream,
   look at ``pull.stopping()`` and return. Never touch the clock except ``pull.clock``.
6. **Money.** Before a request that costs, ``pull.charge(micros, what)``; it commits the
   spend first and raises :class:`~miner.errors.BudgetError` where it would go too far.

All times are microseconds since 1970-01-01 UTC, intervals half-open.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from miner.formats import Deletion
from miner.lexicon import Lexicon, load_lexicon
from miner.post import Post


@dataclass(frozen=True)
class Gap:
    """An interval lost for good, and why; of one service, or of all of the page."""

    start: int
    end: int
    reason: str
    service: str | None = None


@dataclass(frozen=True)
class Break:
    """A time from which a series is not comparable with before, and why."""

    at: int
    reason: str
    service: str | None = None


@dataclass(frozen=True)
class Window:
    """An interval of which every post was asked for, as part of a sample; how many came."""

    start: int
    end: int
    posts: int


@dataclass(frozen=True)
class Page:
    """What one request gave, or what a stream gave since the page before.

    Attributes:
        posts: new posts; those seen before are recognised by ``(source, post_id)``.
        edits: later versions of posts, ``observed_at`` being when they were changed.
        deletions: posts that were taken back, or that the platform wants removed.
        departed: hashes of authors whose accounts are gone, with all their posts.
        cursors: where to go on from once this page is stored, by a name the source
            chooses (a query, a host); cursors that are not named stay as they are.
        watched: see rule 3 of the module.
        services: the services of the page; those of the pull by default.
        query: version of what was asked, where the source asks in words of its own; a
            change becomes a break on the series.
        gaps: intervals lost for good.
        breaks: changes on the platform's side.
        raws: the JSON of posts by ``post_id``, kept only where the store keeps it.
        seen: records that came, also those that a filter dropped.
        skipped: records that could not be read, by reason.
        counts: pairs of a minute (micros UTC) and how many posts the platform counted in it.
        windows: parts of a sample that are complete with this page.
    """

    posts: Sequence[Post] = ()
    edits: Sequence[Post] = ()
    deletions: Sequence[Deletion] = ()
    departed: Sequence[str] = ()
    cursors: Mapping[str, str] = field(default_factory=dict)
    watched: tuple[int, int] | None = None
    services: tuple[str, ...] | None = None
    query: str = ""
    gaps: Sequence[Gap] = ()
    breaks: Sequence[Break] = ()
    raws: Mapping[str, bytes] = field(default_factory=dict)
    seen: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    counts: Sequence[tuple[int, int]] = ()
    windows: Sequence[Window] = ()


class Clock(Protocol):
    """The time, and waiting for it to pass; tests bring their own."""

    def now(self) -> int:
        """Microseconds since 1970-01-01 UTC; can jump either way."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait, or return True as soon as ``stop`` is set."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait, or return True as soon as ``stop`` is set."""
        return stop.wait(max(0.0, seconds))


def _nothing_stored(_after: str, _most: int) -> Sequence[str]:
    """No posts: a pull outside of a collection has no store."""
    return ()


def _charge_nothing(micros: int, what: str) -> None:
    """Accept any cost: a pull outside of a collection has no book of spend."""


@dataclass(frozen=True)
class Pull:
    """What a source is asked for.

    Attributes:
        services: ids of the lexicon.
        cursors: the source's stored cursors by name; none at the first pull.
        since: where to begin without a cursor; None: now, or what the platform keeps.
        catch_up: return as soon as there is nothing left that is older than the
            moment of asking; otherwise go on until ``stopping()``.
        url: another host than the platform's own: a mirror, a test server.
        options: settings of this source by name, from the configuration file.
        clock: the time.
        stopping: whether to return after the page at hand.
        wait: wait a number of seconds, or return True early where ``stopping()``.
        wants: whether a text may be about one of the services: cheap, and never
            wrong when it says no. A firehose drops posts by it.
        author_key: key for :func:`miner.post.hash_author`.
        keep_raw: whether to fill ``Page.raws``.
        lexicon: names and phrases of the services, for :func:`miner.queries`.
        mention: whether naming a service is enough, without a complaint phrase.
        charge: see rule 6 of the module; ``micros`` are millionths of a US dollar.
        stored: ids of this source's posts in the store that are greater than a given id,
            in order, at most so many: for platforms that want removed posts deleted and
            must be asked what was removed.
        budget: what may be spent in this run, in micros; None: no bound.
    """

    services: tuple[str, ...]
    cursors: Mapping[str, str] = field(default_factory=dict)
    since: int | None = None
    catch_up: bool = False
    url: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    stopping: Callable[[], bool] = lambda: False
    wait: Callable[[float], bool] = lambda _: False
    wants: Callable[[str], bool] = lambda _: True
    author_key: bytes = b"key"
    keep_raw: bool = False
    lexicon: Lexicon = field(default_factory=load_lexicon)
    mention: bool = False
    charge: Callable[[int, str], None] = _charge_nothing
    stored: Callable[[str, int], Sequence[str]] = _nothing_stored
    budget: int | None = None


class Source(Protocol):
    """A name and a generator of pages; see the module for the rules."""

    @property
    def name(self) -> str:
        """The name, also the ``source`` of its posts."""

    def pages(self, pull: Pull) -> Iterator[Page]:
        """Pages from the cursors of the pull on.

        Raises:
            UnavailableError: the platform gives nothing for now.
            RefusedError: the platform gives nothing until its user acts.
            BudgetError: the money is spent.
        """


class CountingSource(Source, Protocol):
    """A source that can tell how many posts there are for less than the posts cost.

    With a budget its mentions are counted, and complaints are estimated from a sample;
    see :mod:`miner.collector.sampling`. Pages are stored as those of ``pages`` are.
    """

    def count(self, pull: Pull, service: str, start: int, end: int) -> Iterator[Page]:
        """Pages whose ``counts`` cover every minute of ``[start, end)``."""

    def draw(self, pull: Pull, service: str, window: tuple[int, int], most: int) -> Iterator[Page]:
        """Pages with every post of a window, at most ``most`` a request.

        The last one has the window in ``windows``.
        """

    def price_of_post(self, pull: Pull) -> int:
        """Micros that a post costs."""
