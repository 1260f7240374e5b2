"""The fault table of live collection, a test a row.

Each row collects the first posts, lets a fault happen, and mends it. Whatever the fault:
the exit code and the logs say what happened, the platform is asked a bounded number of
times, after mending everything is there once, what was lost is a gap with its reason,
and no secret stands in a log, an error or the database.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from miner.collector import only_job
from miner.store import Store, Writer
from miner.store.checking import check

from jetstream_server import T0, Faults, JetstreamServer, made_events, post_event
from slow_wire import Proxy, Wire

SECOND = 1_000_000
#: Failures in a row after which a run leaves a source to the next one.
ATTEMPTS = 8
NOBODY = 65_534
PLANTED = "planted-bearer-7Zq/eE=1"
FILED = "planted-in-a-file-9Xw"
SECRETS = {"X_BEARER_TOKEN": PLANTED, "MINER_AUTHOR_KEY": "planted-author-key-4Kd"}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and signals of POSIX")


class Said(NamedTuple):
    """What a run said and how it left."""

    code: int
    text: str

    @property
    def logs(self):
        return [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]

    @property
    def n_waits(self):
        return sum("wait" in record for record in self.logs)


class World:
    """A folder with a configuration, and a platform on loopback."""

    def __init__(self, folder, server, processes):
        self.folder = folder
        self.server = server
        self.path = folder / "outages.db"
        self.url = server.url
        self.options = {"idle": 20, "page": 0.05}
        self._processes = processes
        (folder / "miner.secrets").write_text(f"MASTODON_ACCESS_TOKEN={FILED}\n")
        (folder / "miner.secrets").chmod(0o600)
        self.later = server.events
        server.events = server.events[:20]

    def configure(self, **options):
        values = {**self.options, **options}
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        (self.folder / "miner.toml").write_text(
            'database = "outages.db"\nservices = ["whatsapp"]\n'
            '[secrets]\nfile = "miner.secrets"\n'
            '[[exports]]\nfile = "series.csv"\nfreq = "1h"\nlast = "7d"\n'
            f'[sources.bluesky]\nurl = "{self.url}"\n[sources.bluesky.options]\n' + "\n".join(lines)
        )

    def start(self, words=("run",), log="log", options=(), **limits):
        self.configure(**dict(options))
        words = [*words, "--config", str(self.folder / "miner.toml"), "--log-format", "json"]
        from miner_child import run

        log = self.folder / log
        log.touch()
        child = self._processes.Process(target=run, args=(words, str(log), SECRETS), kwargs=limits)
        child.begin_at = log.stat().st_size
        child.log = log
        child.start()
        return child

    def end(self, child):
        child.join(60)
        assert child.exitcode is not None, "the run does not end"
        return Said(child.exitcode, child.log.read_bytes()[child.begin_at :].decode())

    def run(self, **how):
        return self.end(self.start(**how))


@dataclass
class Row:
    """A row of the table.

    Attributes:
        name: of the fault.
        happen: lets it happen and collects meanwhile.
        code: that the run under the fault leaves with.
        says: what stands in its logs.
        requests: how often the platform may be asked in that run.
        gap: what the reason of the gap says, where something is lost for good.
        is_slow: run with the slow tests; tests/test_bluesky.py states most of it as well.
    """

    name: str
    happen: Callable[[World], Said]
    code: int
    says: str = ""
    requests: int = 1
    gap: str | None = None
    is_slow: bool = False

    def param(self):
        return pytest.param(self, id=self.name, marks=[pytest.mark.slow] if self.is_slow else [])


ROWS: list[Row] = []


def row(name, code, says="", **more):
    def add(happen):
        ROWS.append(Row(name, happen, code, says, **more))
        return happen

    return add


@row("connection refused", 5, "cannot be reached", requests=0, is_slow=True)
def refused(world):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    world.url = f"ws://127.0.0.1:{port}"
    said = world.run()
    assert said.n_waits == ATTEMPTS - 1
    return said


@row("DNS failure", 5, "cannot be reached", requests=0, is_slow=True)
def no_such_name(world):
    world.url = "ws://no-such-host.invalid"
    said = world.run()
    assert said.n_waits == ATTEMPTS - 1
    return said


@row("half-open: accepts and never answers", 5, "cannot be reached", requests=0, is_slow=True)
def never_answers(world):
    with Wire() as wire:
        world.url = wire.url
        said = world.run(options={"connect": 0.15})
        assert wire.n_connections == ATTEMPTS
    return said


@row("half-open: falls silent", 0, "sent nothing", requests=2)
def falls_silent(world):
    world.server.faults.end = [(7, "mute")]
    return world.run(options={"stalled": 0.5})


@row("torn connection", 0, "without a word", requests=3, is_slow=True)
def torn(world):
    world.server.faults.end = [(7, "torn"), (20, "torn")]
    return world.run()


@row("torn within a frame", 0, "without a word", requests=3)
def torn_within_a_frame(world):
    with Proxy(world.server.port, cut=[2_500, 4_321]) as proxy:
        world.url = proxy.url
        return world.run()


@row("slow drip", 0, is_slow=True)
def drip(world):
    with Proxy(world.server.port, drip=50) as proxy:
        world.url = proxy.url
        return world.run()


def replaced(world, frames, n_skipped):
    """Runs with other frames in the place of posts about nothing."""
    world.server.faults.instead = {21 + 2 * n: frame for n, frame in enumerate(frames)}
    said = world.run()
    (run,) = Store(world.path).status(T0)["runs"]
    assert run["skipped"] == n_skipped
    assert run["seen"] >= len(world.later) - 20
    return said


@row("malformed JSON", 0)
def malformed(world):
    name = '"app.bsky.feed.post"'
    return replaced(world, [f"{{{name} 1}}", f"{name} \x00", f"[{name}", "", "\x00"], 3)


@row("truncated JSON", 0)
def truncated(world):
    whole = json.dumps(post_event(T0 + 2_200_000, 900, "whatsapp is down")).encode()
    frames = [whole[:cut] for cut in (len(whole) - 1, len(whole) - 40, len(whole) - 90)]
    return replaced(world, frames, 3)


@row("wrong types", 0)
def wrong_types(world):
    event = post_event(T0 + 2_200_000, 900, "whatsapp is down")
    record = event["commit"]["record"]
    wrong = [
        {**event, "did": {"did": 5}},
        {**event, "commit": [record]},
        {**event, "commit": {**event["commit"], "record": "text"}},
        {**event, "commit": {**event["commit"], "record": {**record, "text": 7}}},
        {**event, "commit": {**event["commit"], "rkey": None}},
        [event],
    ]
    return replaced(world, [json.dumps(one) for one in wrong], 5)


@row("a post of 10 MB", 0)
def large(world):
    event = post_event(T0 + 2_200_000, 900, "whatsapp is down " + "x" * 10_000_000)
    return replaced(world, [json.dumps(event)], 1)


def closed(code):
    def happen(world):
        world.server.faults.end = [(7, code), (20, code)]
        world.server.faults.reason = f"closing, {PLANTED}"
        return world.run()

    return happen


for _code in (1000, 1001, 1008, 1011):
    row(
        f"closed with {_code}",
        0,
        f"with {_code} closing, [X_BEARER_TOKEN]",
        requests=3,
        is_slow=_code != 1001,
    )(closed(_code))


@row("429 with a time", 0, "answered 429", requests=2)
def limited(world):
    world.server.faults.refuse = [(429, {"Retry-After": "1"}, b"")]
    before = time.monotonic()
    said = world.run()
    assert time.monotonic() - before >= 1
    return said


@row("429 without a time", 0, "answered 429", requests=3, is_slow=True)
def limited_without_a_time(world):
    world.server.faults.refuse = [(429, {}, b"")] * 2
    return world.run()


@row("429 with a time in the past", 0, "answered 429", requests=3, is_slow=True)
def limited_in_the_past(world):
    world.server.faults.refuse = [(429, {"x-rate-limit-reset": "1700000000"}, b"")] * 2
    return world.run()


@row("503", 5, "answered 503", requests=ATTEMPTS, is_slow=True)
def unavailable(world):
    world.server.faults.refuse = [(503, {}, b"")] * 50
    return world.run()


@row("403, and the key in the answer", 5, "refused the stream: 403", requests=1)
def forbidden(world):
    world.server.faults.refuse = [(403, {}, f"no access for {PLANTED}".encode())] * 50
    return world.run()


@row("cursor too old", 0, requests=2, gap="look-back", is_slow=True)
def too_old(world):
    world.server.faults.floor = 30
    return world.run(options={"wire": "v2", "compress": "off"})


@row("cursor clamped without a word", 0, gap="look-back", is_slow=True)
def clamped(world):
    world.server.faults.floor = 30
    return world.run()


@row("change of the host", 0, "without a word", requests=1, is_slow=True)
def other_host(world):
    world.server.faults.end = [(7, "torn")]
    with JetstreamServer(world.later) as second:
        world.url = f"{world.server.url},{second.url}"
        said = world.run()
        assert len(second.requests) == 1
    return said


@row("duplicate events", 0, "without a word", requests=2)
def duplicates(world):
    world.server.events = [event for event in world.later for _ in range(3)]
    world.server.faults.end = [(50, "torn")]
    return world.run()


@row("events out of order", 0, "without a word", requests=3)
def out_of_order(world):
    *events, last = world.later
    seed = random.Random(5)
    blocks = [events[n : n + 15] for n in range(0, len(events), 15)]
    world.server.events = [*(e for b in blocks for e in seed.sample(b, len(b))), last]
    world.server.faults.end = [(20, "torn"), (70, "torn")]
    return world.run()


def jumped(seconds):
    def happen(world):
        said = world.run(options={"idle": 0.5}, jump=seconds)
        # A clock that is wrong must not promise what was not watched.
        ends = Store(world.path).watched()["end"]
        assert ends.max().value // 1000 <= world.later[-1]["time_us"] + 1
        return said

    return happen


for _days in (-400, -2, 2, 400):
    row(f"the clock jumps by {_days} days", 0, is_slow=abs(_days) == 2)(jumped(_days * 86_400))


@row("disk full", 6, "disk is full", requests=1)
def disk_full(world):
    filler = world.folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4_096))
    # The logs go elsewhere: what is tested is the database.
    with tempfile.TemporaryDirectory() as other:
        said = world.run(log=f"{other}/log")
    filler.unlink()
    return said


@row("a limit on the size of files", 6, "refused to write", requests=1)
def size_limit(world):
    return world.run(most_bytes=48_000)


@row("read-only file", 6, "cannot be written", requests=0)
def read_only_file(world):
    world.path.chmod(0o444)
    world.folder.chmod(0o777)
    Path(f"{world.path}.lock").chmod(0o666)
    said = as_nobody(world)
    world.path.chmod(0o644)
    return said


@row("read-only folder", 6, "check that the folder exists and can be written", requests=0)
def read_only_folder(world):
    world.folder.chmod(0o555)
    Path(f"{world.path}.lock").chmod(0o444)
    said = as_nobody(world)
    world.folder.chmod(0o755)
    Path(f"{world.path}.lock").chmod(0o644)
    return said


def as_nobody(world):
    """Runs as a user who is bound by permissions."""
    if os.geteuid() != 0:
        world.configure()
        return world.run()
    folders = [Path(sys.prefix), *Path(sys.prefix).parents]
    if not all(folder.stat().st_mode & 0o001 for folder in folders):
        pytest.skip(f"others may not read the installation in {sys.prefix}")
    world.configure()
    shutil.chown(world.folder / "miner.secrets", NOBODY)
    said = world.run(user=NOBODY)
    shutil.chown(world.folder / "miner.secrets", 0)
    return said


def damaged(start):
    def happen(world):
        copy = world.path.read_bytes()
        world.path.write_bytes(copy[:start] + b"\xde" * (len(copy) - start))
        said = world.run()
        doctor = subprocess.run(
            [sys.executable, "-m", "miner", "doctor", "--db", world.path],
            check=False,
            capture_output=True,
            text=True,
        )
        assert doctor.returncode == 6
        assert "Traceback" not in doctor.stderr
        world.path.write_bytes(copy)  # what the message advises
        return said

    return happen


row("corrupted pages", 6, "use a copy from before", requests=0)(damaged(4_096))
row("corrupted header", 6, "use a copy from before", requests=0)(damaged(0))


@row("two jobs at once", 7, "another job", requests=0)
def two_jobs(world):
    with only_job(world.path):
        return world.run()


@row("SIGTERM within a page", 0, requests=1)
def terminated(world):
    world.server.delay = 0.02
    n_sent = world.server.n_sent
    child = world.start(options={"page": 30})
    while world.server.n_sent < n_sent + 15 and child.is_alive():
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGTERM)
    said = world.end(child)
    assert len(Store(world.path).posts()) < 61, "it ended before it was told to"
    return said


@pytest.fixture
def folder():
    # Another user must be able to get there, which pytest's own folders do not allow.
    with tempfile.TemporaryDirectory(prefix="miner-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def small_disk(folder):
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "miner", str(folder)]
    if (
        sys.platform != "linux"
        or subprocess.run(mount, check=False, capture_output=True).returncode
    ):
        pytest.skip("a small file system cannot be mounted here")
    yield
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def world(request, folder, processes):
    if request.node.callspec.params["one"].name == "disk full":
        request.getfixturevalue("small_disk")
    events = list(made_events(120))
    # The end is told by an event that is not older than the question.
    soon = time.time_ns() // 1000 + 600 * SECOND
    events.append(post_event(soon, 120, "whatsapp is down again 120"))
    with JetstreamServer(events) as server:
        yield World(folder, server, processes)


@pytest.mark.parametrize("one", [one.param() for one in ROWS])
def test_fault(one, world):
    assert world.run(options={"idle": 0.5}).code == 0
    world.server.events = world.later
    n_requests = len(world.server.requests)

    said = one.happen(world)

    assert said.code == one.code, said.text
    assert one.says in said.text
    assert "Traceback" not in said.text
    assert len(world.server.requests) - n_requests <= one.requests
    if one.code == 5:
        (run,) = Store(world.path).status(T0)["runs"]
        assert one.says in run["outcome"]
    mend(world)
    assert world.run().code == 0
    check_nothing_is_lost(world, one)
    check_no_secret(world)


def mend(world):
    world.url, world.server.faults, world.server.delay = world.server.url, Faults(), 0.0
    world.server.events = world.later


def check_nothing_is_lost(world, one):
    store = Store(world.path)
    first, last = T0, world.later[-1]["time_us"] + 1
    spans = [
        (start.value // 1000, end.value // 1000)
        for start, end in store.watched()[["start", "end"]].itertuples(index=False)
    ]
    if one.gap is None:
        numbers = range(0, 121, 2)
        assert spans == [(first, last)]
        assert store.gaps().empty
    else:
        numbers = [n for n in range(0, 121, 2) if not 20 <= n < 30]
        assert spans == [(first, T0 + 1_900_001), (T0 + 3_000_000, last)]
        (gap,) = store.gaps().to_dict("records")
        assert one.gap in gap["reason"]
        assert gap["end"].value // 1000 == T0 + 3_000_000
    expected = [f"whatsapp is down again {n}" for n in numbers]
    assert sorted(store.posts()["text"]) == sorted(expected)
    assert store.series("whatsapp", "1h")["mentions"].sum() == len(expected)
    assert (world.folder / "series.csv").exists()
    with Writer.open(world.path) as writer:
        assert [finding for finding in check(writer) if finding.fault is not None] == []


def check_no_secret(world):
    """No planted secret stands in a log, an export or the database."""
    secrets = [FILED, *SECRETS.values()]
    with Writer.open(world.path) as writer:
        dump = "\n".join(writer.connection.iterdump())
    files = [path for path in world.folder.rglob("*") if path.is_file()]
    assert world.folder / "log" in files
    for path in files:
        if path.name != "miner.secrets":
            text = path.read_bytes() + dump.encode()
            assert not [secret for secret in secrets if secret.encode() in text], path
