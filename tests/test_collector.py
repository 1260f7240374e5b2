"""The collector: waiting, giving up, budgets, locks, stopping; no source is waited for twice."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from miner.collector import Options, collect, only_job
from miner.errors import (
    BudgetError,
    BusyError,
    RefusedError,
    SourceError,
    StoreError,
    UnavailableError,
    UsageError,
)
from miner.formats import Deletion
from miner.post import Post
from miner.sources import registry
from miner.sources.protocol import Page, Pull
from miner.sources.slices import slices
from miner.sources.waiting import retry_at
from miner.store import Store, Writer
from miner.store.runs import begin_run, charge, spent
from miner.testing import ContractError, FakeClock, check_source

from example_source import Example
from jetstream_server import JetstreamServer, made_events, post_event
from newest_first_server import NewestFirstServer

SECOND = 1_000_000
NOW = 1_779_719_009_000_000


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outages.db"


class Scripted:
    """A source that plays a list: pages are yielded, errors raised; each call goes on."""

    name = "scripted"

    def __init__(self, *steps, name="scripted"):
        self.steps = list(steps)
        self.name = name
        self.n_calls = 0

    def pages(self, pull):
        self.n_calls += 1
        while self.steps:
            step = self.steps.pop(0)
            if isinstance(step, Exception):
                raise step
            if callable(step):
                step = step(pull)
            if step is not None:
                yield step


def page(number, **more):
    at = NOW - 1_000 * SECOND + number * SECOND
    post = Post("scripted", str(number), at, at, f"h_{number:016x}", "whatsapp is down")
    watched = (NOW - 1_000 * SECOND, at + 1)
    return Page(posts=[post], cursors={"c": str(number)}, watched=watched, seen=1, **more)


def test_what_fails_for_now_is_asked_again_with_growing_waits(path, labeller, clock):
    errors = [UnavailableError("503")] * 5
    source = Scripted(*errors, page(1))
    (outcome,) = collect(path, [source], labeller, clock=clock)

    assert outcome.error is None
    assert outcome.posts == 1
    assert source.n_calls == 6
    assert clock.waits == sorted(clock.waits)
    assert 1 <= clock.waits[0] <= 2
    assert clock.waits[-1] >= 16


def test_a_page_ends_the_row_of_failures_and_the_next_wait_is_short(path, labeller, clock):
    steps = [step for n in range(20) for step in (page(n), UnavailableError("closed"))]
    (outcome,) = collect(path, [Scripted(*steps)], labeller, Options(attempts=3), clock=clock)

    assert outcome.error is None
    assert outcome.posts == 20
    assert len(clock.waits) == 20
    assert all(1 <= wait <= 2 for wait in clock.waits)  # never at once: no hot loop


def test_after_too_many_failures_the_source_is_left_to_the_next_run(path, labeller, clock):
    source = Scripted(page(1), *[UnavailableError("503")] * 50)
    (outcome,) = collect(path, [source], labeller, Options(attempts=4), clock=clock)

    assert isinstance(outcome.error, UnavailableError)
    assert source.n_calls == 4
    assert len(Store(path).posts()) == 1
    (run,) = Store(path).status(NOW)["runs"]
    assert run["outcome"] == "503"


def test_a_platform_that_names_a_time_is_not_asked_before(path, labeller, clock):
    source = Scripted(UnavailableError("429", NOW + 90 * SECOND), page(1))
    collect(path, [source], labeller, clock=clock)

    (wait,) = clock.waits
    assert 90 <= wait <= 91


@pytest.mark.parametrize("reset", [NOW - 10 * SECOND, None])
def test_a_reset_in_the_past_is_no_reason_to_ask_at_once(reset, path, labeller, clock):
    collect(path, [Scripted(UnavailableError("429", reset), page(1))], labeller, clock=clock)

    assert clock.waits[0] >= 1


def test_a_wait_of_hours_is_left_to_the_next_run(path, labeller, clock):
    source = Scripted(UnavailableError("429", NOW + 7_200 * SECOND), page(1))
    (outcome,) = collect(path, [source], labeller, clock=clock)

    assert isinstance(outcome.error, UnavailableError)
    assert clock.waits == []


@pytest.mark.parametrize("error", [RefusedError("401"), BudgetError("spent")])
def test_what_needs_its_user_is_not_asked_again(error, path, labeller, clock):
    source = Scripted(page(1), error)
    (outcome,) = collect(path, [source], labeller, clock=clock)

    assert outcome.error is error
    assert source.n_calls == 1
    assert len(Store(path).posts()) == 1


def test_a_source_that_fails_does_not_stop_the_others(path, labeller, clock):
    broken = Scripted(KeyError("data"), name="broken")
    refused = Scripted(RefusedError("no key"), name="refused")
    well = Scripted(page(1))
    outcomes = collect(path, [broken, refused, well], labeller, clock=clock)

    assert [type(outcome.error) for outcome in outcomes] == [SourceError, RefusedError, type(None)]
    assert "KeyError" in str(outcomes[0].error)
    assert len(Store(path).posts()) == 1


def test_a_wrong_setting_ends_the_run_as_wrong_usage(path, labeller, clock):
    with pytest.raises(UsageError, match="colour"):
        collect(path, [Scripted(UsageError("colour"))], labeller, clock=clock)


@pytest.mark.parametrize("seconds", [-86_400, 86_400])
def test_a_clock_that_jumps_moves_no_cursor_and_loses_nothing(seconds, path, labeller, clock):
    def jump(_):
        clock.jump(seconds)

    steps = [page(1), jump, UnavailableError("429", NOW + 60 * SECOND), page(2)]
    (outcome,) = collect(path, [Scripted(*steps)], labeller, clock=clock)

    if seconds < 0:  # the platform now seems to ask for a day: left to the next run
        assert isinstance(outcome.error, UnavailableError)
        (outcome,) = collect(path, [Scripted(page(2))], labeller, clock=clock)
    assert outcome.error is None
    assert len(Store(path).posts()) == 2
    assert max(clock.waits, default=0) < 100


def test_time_that_is_up_ends_the_run_after_the_page(path, labeller, clock):
    def slow(_):
        clock.move(40)
        return page(1)

    source = Scripted(slow, slow, slow, slow)
    (outcome,) = collect(path, [source], labeller, Options(seconds=60), clock=clock)

    assert outcome.pages == 2
    assert len(source.steps) == 2


def test_a_wait_does_not_outlast_the_time_of_the_run(path, labeller, clock):
    source = Scripted(UnavailableError("429", NOW + 600 * SECOND), page(1))
    collect(path, [source], labeller, Options(seconds=60), clock=clock)

    assert clock.waits == [60]
    assert source.n_calls == 1


def test_a_run_without_an_end_forgets_what_is_too_old_every_hour(path, labeller, clock):
    def later(_):
        clock.move(8_000)

    def look(_):
        seen.append(len(Store(path).posts()))

    seen = []
    late = page(2)
    steps = [page(1, deletions=[Deletion("scripted", "9", NOW - 300_000 * SECOND)])]
    steps += [look, later, late, look]
    collect(path, [Scripted(*steps)], labeller, Options(retention=3_600), clock=clock)

    assert seen == [1, 0]
    with Writer.open(path) as writer:
        (n_tombstones,) = writer.connection.execute("SELECT count(*) FROM tombstone").fetchone()
    assert n_tombstones == 0


def test_the_second_job_on_a_database_leaves(path, labeller):
    with only_job(path), pytest.raises(BusyError, match="another job"):
        collect(path, [Scripted(page(1))], labeller)

    collect(path, [Scripted(page(1))], labeller)


def test_the_second_process_leaves_with_its_documented_code(path):
    words = ["collect", "--source", "bluesky", "--service", "whatsapp", "--db", str(path)]
    with only_job(path):
        result = run_cli(*words, "--for", "1s")

    assert result.returncode == 7
    assert "another job" in result.stderr
    assert "Traceback" not in result.stderr


def run_cli(*words):
    return subprocess.run(
        [sys.executable, "-m", "miner", *words], check=False, capture_output=True, text=True
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
def test_sigterm_ends_after_the_page_and_the_next_run_goes_on(path):
    words = ["collect", "--source", "bluesky", "--service", "whatsapp", "--db", str(path)]
    # The end is told by an event that is not older than the question, not by silence, which
    # a busy machine makes too.
    last = post_event(time.time_ns() // 1000 + 600 * SECOND, 4_000, "lunch")
    with JetstreamServer([*made_events(4_000), last], delay=0.001) as server:
        words += ["--url", server.url, "--set", "bluesky.page=0.1"]
        process = subprocess.Popen(
            [sys.executable, "-m", "miner", *words], stderr=subprocess.PIPE, text=True
        )
        until = time.monotonic() + 30
        while time.monotonic() < until and not (path.exists() and len(Store_or_none(path)) > 50):
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 0, said
        n_first = len(Store(path).posts())
        (run,) = Store(path).status(NOW)["runs"]
        assert (run["outcome"], run["posts"]) == ("done", n_first)
        assert run_cli(*words, "--catch-up", "--set", "bluesky.idle=20").returncode == 0

    assert len(Store(path).posts()) == 2_000
    assert len(Store(path).watched()) == 1


def Store_or_none(path):  # noqa: N802 - stands for the class
    try:
        return Store(path).posts()
    except StoreError:
        return ()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path, labeller):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="written"):
        collect(tmp_path / "a.db", [Scripted(page(1))], labeller)


def test_the_database_failing_stops_every_source_and_says_so(path, labeller, clock):
    def fill(_):
        stop.set()  # a source that only ends when told
        return page(2)

    stop = threading.Event()
    with Writer.open(path) as writer:
        writer.connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON post BEGIN "
            "SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    with pytest.raises(StoreError, match="disk is full"):
        collect(path, [Scripted(fill, name="a"), Scripted(page(1))], labeller, clock=clock)


def test_what_a_killed_run_spent_is_not_spent_again(path):
    with Writer.open(path) as writer, writer.transaction() as db:
        first = begin_run(db, "x", ("whatsapp",), NOW)
        charge(db, first, 4_000_000, "counts", 5_000_000, NOW)
        second = begin_run(db, "x", ("whatsapp",), NOW + 1)  # the first one has no end
        assert spent(db, second) == 4_000_000
        charge(db, second, 1_000_000, "search", 5_000_000, NOW)
        with pytest.raises(BudgetError, match=r"leaves 0\.0000 USD"):
            charge(db, second, 1, "search", 5_000_000, NOW)
        third = begin_run(db, "x", ("whatsapp",), NOW + 2)
        assert spent(db, third) == 5_000_000


def test_a_source_pays_before_it_asks(path, labeller, clock):
    def ask(pull):
        pull.charge(2_000_000, "a search")
        return page(1)

    source = Scripted(ask, ask, ask)
    options = Options(budgets={"scripted": 5_000_000})
    (outcome,) = collect(path, [source], labeller, options, clock=clock)

    assert isinstance(outcome.error, BudgetError)
    (spend,) = Store(path).status(NOW)["spend"]
    assert spend == {"source": "scripted", "micros": 4_000_000, "requests": 2}


def test_every_built_in_source_comes_through_the_door():
    assert {"bluesky", "mastodon", "reddit", "x"} <= set(registry.names())
    for name in registry.names():
        assert registry.load(name).name == name
    with pytest.raises(UsageError, match="bluesky"):
        registry.load("nowhere")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30),
        ({"X-Rate-Limit-Reset": str(NOW // SECOND + 60)}, 60),
        ({"X-RateLimit-Reset": "2026-05-25T14:24:29.000000Z"}, 60),
        ({"x-ratelimit-reset": "45.5"}, 45.5),
        ({"Retry-After": "Mon, 25 May 2026 14:24:29 GMT"}, 60),
        ({"x-rate-limit-reset": str(NOW // SECOND - 60)}, None),
        ({"Retry-After": "0"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
    ],
)
def test_when_to_come_back_is_read_from_the_headers(headers, seconds):
    expected = None if seconds is None else NOW + round(seconds * SECOND)

    assert retry_at(headers, NOW) == expected


def test_slices_cover_a_range_and_are_cut_at_fixed_times():
    assert list(slices(3, 25, 10)) == [(3, 10), (10, 20), (20, 25)]
    assert list(slices(10, 20, 10)) == [(10, 20)]
    assert list(slices(5, 5, 10)) == []


@pytest.fixture
def newest_first():
    times = [NOW - 7_200 * SECOND + n * 40 * SECOND for n in range(160)]
    posts = [(at, f"whatsapp is down {n}") for n, at in enumerate(times)]
    with NewestFirstServer(posts, size=4) as server:
        yield server


def a_pull(server):
    return Pull(("whatsapp",), since=NOW - 7_200 * SECOND, url=server.url, clock=FakeClock(NOW))


def test_the_example_of_the_documentation_keeps_the_contract(newest_first):
    check_source(Example, a_pull(newest_first))


def test_the_example_waits_as_the_platform_says(newest_first, path, labeller, clock):
    newest_first.answers = [(200, {}), (429, {"Retry-After": "30"}), (503, {})]
    options = Options(catch_up=True, since=NOW - 7_200 * SECOND, urls={"example": newest_first.url})
    (outcome,) = collect(path, [Example()], labeller, options, clock=clock)

    assert outcome.error is None
    assert 30 <= clock.waits[0] <= 31
    assert len(Store(path).posts()) == 160


class NewestSeen(Example):
    """The mistake that loses posts: the cursor is the newest one seen, page by page."""

    def _slice(self, pull, service, start, end):
        for one in super()._slice(pull, service, start, end):
            newest = max((post.created_at for post in one.posts), default=end - 1)
            yield Page(posts=one.posts, cursors={service: str(newest + 1)}, watched=one.watched)


class Handles(Example):
    """Gives the names of authors away."""

    def _post(self, item, pull):
        return super()._post(item, pull)._replace(author=item["user"])


class WatchedTooEarly(Example):
    """Says with the first page of a slice that all of it was watched."""

    def _slice(self, pull, service, start, end):
        for one in super()._slice(pull, service, start, end):
            yield Page(posts=one.posts, cursors=one.cursors, watched=(start, end))


class Deaf(Example):
    """Never looks whether to stop."""

    def pages(self, pull):
        from dataclasses import replace

        yield from super().pages(replace(pull, stopping=lambda: False))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (NewestSeen, "posts are lost"),
        (Handles, "names its author"),
        (WatchedTooEarly, "last page of a slice"),
        (Deaf, "stopping"),
    ],
)
def test_the_contract_finds_what_is_wrong_with_a_source(wrong, says, newest_first):
    with pytest.raises(ContractError, match=says):
        check_source(wrong, a_pull(newest_first))
