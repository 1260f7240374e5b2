"""One run: every source asked, every page stored before the next one is asked for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from miner.collector.labelling import Labeller
from miner.collector.locking import only_job
from miner.collector.retrying import Failures, follow
from miner.collector.sampling import can_count, sampled
from miner.counter.times import SECOND
from miner.errors import MinerError, SourceError, StoreError, UnavailableError
from miner.redactor import redact
from miner.sources.authors import author_key
from miner.sources.protocol import Clock, Page, Pull, Source, SystemClock
from miner.store import Context, Stored, Writer
from miner.store.forgetting import forget_before
from miner.store.runs import begin_run, charge, end_run, spent
from miner.store.tombstones import prune

_log = logging.getLogger(__name__)

#: Failures in a row after which a run leaves a source to the next run: about five minutes.
ATTEMPTS: Final = 8
#: Seconds after which a run without an end tidies up the database.
TIDY: Final = 3_600.0


@dataclass(frozen=True)
class Options:
    """How long and from where to collect.

    Attributes:
        since: where to begin without a cursor, microseconds since 1970 UTC.
        catch_up: end as soon as everything up to now is there.
        seconds: end after this time; None: when told to stop, or caught up.
        urls: another host for a source, by its name.
        settings: settings of a source, by its name.
        budgets: micros (millionths of a US dollar) a source may spend, by its name.
        keep_raw: keep the platform's JSON of each candidate.
        retention: seconds after which posts are forgotten; None: never.
        attempts: failures in a row after which a source is given up; None: never.
    """

    since: int | None = None
    catch_up: bool = False
    seconds: float | None = None
    urls: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    budgets: Mapping[str, int] = field(default_factory=dict)
    keep_raw: bool = True
    retention: float | None = None
    attempts: int | None = ATTEMPTS


@dataclass
class Outcome:
    """What came of one source.

    Attributes:
        error: why it ended early; what came before is stored.
        reached: end of what was watched, microseconds since 1970 UTC.
        waiting: why it waits at the moment; None while it does not.
        has_ended: no more comes of it in this run.
    """

    source: str
    pages: int = 0
    seen: int = 0
    posts: int = 0
    candidates: int = 0
    edits: int = 0
    deletions: int = 0
    skipped: int = 0
    reached: int | None = None
    waiting: str | None = None
    error: SourceError | None = None
    has_ended: bool = False


#: Called with a source's outcome so far after each page and each failure.
Progress = Callable[[Outcome], None]


def collect(
    path: str | Path,
    sources: Sequence[Source],
    labeller: Labeller,
    options: Options | None = None,
    *,
    clock: Clock | None = None,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Collect from all sources until told to stop, caught up, or out of time.

    The sources run beside each other; one that fails does not stop the others.

    Args:
        path: the database; made where it does not exist.
        sources: see :mod:`miner.sources.protocol`.
        labeller: which services, by which lexicon and model.
        options: how long and from where.
        clock: the time; this machine's by default.
        stop: set it to end after the pages at hand.
        progress: told of every page, of every failure and of the end.

    Returns:
        What came of each source, in their order.

    Raises:
        BusyError: another job collects into the same database.
        StoreError: the database cannot be written; all sources stop.
    """
    with only_job(path):
        return collect_locked(
            path, sources, labeller, options, clock=clock, stop=stop, progress=progress
        )


def collect_locked(
    path: str | Path,
    sources: Sequence[Source],
    labeller: Labeller,
    options: Options | None = None,
    *,
    clock: Clock | None = None,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
) -> list[Outcome]:
    """As :func:`collect`, for a caller that holds :func:`only_job` for more than this."""
    options = options or Options()
    clock = clock or SystemClock()
    stop = stop or threading.Event()
    with Writer.open(path) as writer:
        runs = [
            _Run(source, labeller, options, writer, clock, stop, progress) for source in sources
        ]
        if len(runs) == 1:
            runs[0].go()
        else:
            with ThreadPoolExecutor(max(1, len(runs)), "source") as threads:
                for done in [threads.submit(run.go) for run in runs]:
                    done.result()
        _tidy(writer, options, clock)
    return [run.outcome for run in runs]


def _tidy(writer: Writer, options: Options, clock: Clock) -> None:
    """Forget what is older than it is to be kept."""
    if options.retention is not None:
        forget_before(writer, clock.now() - round(options.retention * SECOND))
    with writer.transaction() as connection:
        prune(connection, clock.now())


class _Run:
    """One source in one run."""

    def __init__(
        self,
        source: Source,
        labeller: Labeller,
        options: Options,
        writer: Writer,
        clock: Clock,
        stop: threading.Event,
        progress: Progress | None,
    ) -> None:
        self.outcome = Outcome(source.name)
        self._source = source
        self._labeller = labeller
        self._options = options
        self._writer = writer
        self._clock = clock
        self._stop = stop
        self._tell = progress or (lambda _: None)
        self._failures = Failures(options.attempts, clock)
        self._until = None if options.seconds is None else clock.monotonic() + options.seconds
        self._number = 0
        self._tidied = clock.monotonic()

    def go(self) -> None:
        """Collect; a failure of the source is kept in the outcome."""
        services = self._labeller.services
        with self._writer.transaction() as connection:
            self._number = begin_run(connection, self._source.name, services, self._clock.now())
        try:
            follow(self._ask, self._failures, self._wait, self._note_failure)
        except SourceError as error:
            self.outcome.error = error
        except MinerError as error:
            # A database that fails, or a wrong setting: no source can go on, or should.
            self._stop.set()
            if not isinstance(error, StoreError):
                self._end(str(error))
            raise
        except Exception as error:  # noqa: BLE001
            # A source is a stranger's code: its mistakes must not end the other sources.
            _log.exception("source %s failed", self._source.name)
            self.outcome.error = SourceError(
                f"{self._source.name}: failed in a way it should not "
                f"({type(error).__name__}: {error}); please report it to its authors"
            )
        self._end("done" if self.outcome.error is None else str(self.outcome.error))
        self.outcome.has_ended = True
        self._tell(self.outcome)

    def _end(self, outcome: str) -> None:
        # What a platform said when it refused may repeat the key that it was asked with.
        with self._writer.transaction() as connection:
            end_run(connection, self._number, redact(outcome), self._clock.now())

    def _ask(self) -> None:
        """Ask from the stored cursors on, and store page by page."""
        pages = self._pages()
        try:
            for page in pages:
                self._store(page)
                if self._stopping():
                    break
        finally:
            close = getattr(pages, "close", None)
            if close is not None:
                close()

    def _pages(self) -> Iterator[Page]:
        """Pages of the source; with a budget a sample, where it can count."""
        source, budget = self._source, self._options.budgets.get(self._source.name)
        is_whole = self._options.settings.get(source.name, {}).get("sample") == "off"
        if budget is None or is_whole or not can_count(source):
            return source.pages(self._pull())
        return sampled(source, self._pull(), self._writer, lambda: self._left(budget))

    def _left(self, budget: int) -> int:
        """Micros of a budget that are not spent."""
        with self._writer.transaction() as connection:
            return budget - spent(connection, self._number)

    def _store(self, page: Page) -> None:
        labelled = self._labeller.table(page)
        context = Context(
            self._source.name,
            self._labeller.services,
            self._labeller.queries,
            self._labeller.model_version,
            self._number,
            self._clock.now(),
        )
        stored = self._writer.apply(page, labelled, context)
        # Posts that were there already are nothing new: a pull that fails at the same place
        # each time would go on for ever.
        if stored.posts or page.cursors or page.watched or page.counts or page.windows:
            self._failures.in_row = 0
        self._add(page, stored)
        if self._clock.monotonic() - self._tidied > TIDY:
            self._tidied = self._clock.monotonic()
            _tidy(self._writer, self._options, self._clock)

    def _add(self, page: Page, stored: Stored) -> None:
        """Add a page to the outcome, and tell of it."""
        outcome = self.outcome
        outcome.waiting = None
        outcome.pages += 1
        outcome.seen += page.seen
        outcome.posts += stored.posts
        outcome.candidates += stored.candidates
        outcome.edits += stored.edits
        outcome.deletions += stored.deletions
        outcome.skipped += sum(page.skipped.values())
        if page.watched is not None:
            outcome.reached = max(page.watched[1], outcome.reached or page.watched[1])
        self._tell(outcome)

    def _pull(self) -> Pull:
        name, options = self._source.name, self._options
        return Pull(
            services=self._labeller.services,
            cursors=self._writer.cursors(name),
            since=options.since,
            catch_up=options.catch_up,
            url=options.urls.get(name),
            options=options.settings.get(name, {}),
            clock=self._clock,
            stopping=self._stopping,
            wait=self._wait,
            wants=self._labeller.wants,
            author_key=author_key(),
            keep_raw=options.keep_raw,
            lexicon=self._labeller.lexicon,
            mention=self._labeller.mode == "mention",
            charge=self._charge,
            stored=lambda after, most: self._writer.post_ids(name, after, most),
            budget=options.budgets.get(name),
        )

    def _charge(self, micros: int, what: str) -> None:
        budget = self._options.budgets.get(self._source.name)
        # On the disk before the request leaves: money is not spent twice after a crash.
        with self._writer.transaction(is_durable=micros > 0) as connection:
            charge(connection, self._number, micros, what, budget, self._clock.now())

    def _stopping(self) -> bool:
        late = self._until is not None and self._clock.monotonic() >= self._until
        return late or self._stop.is_set()

    def _wait(self, seconds: float) -> bool:
        if self._until is not None:
            seconds = min(seconds, self._until - self._clock.monotonic())
        self._clock.wait(self._stop, max(0.0, seconds))
        return self._stopping()

    def _note_failure(self, error: UnavailableError, seconds: float) -> None:
        name = self._source.name
        _log.warning(
            "%s; asking again in %.0f s", error, seconds, extra={"source": name, "wait": seconds}
        )
        self.outcome.waiting = f"{error}; asking again in {seconds:.0f} s"
        self._tell(self.outcome)
