"""Whether a firehose of 5,000 posts a second is kept up with: filter, labels, store.

    python benchmarks/jetstream.py [SECONDS] [RATE]

A server in another process sends made-up posts over a websocket on loopback, at a
steady rate; one in fifty names a service. Prints how far the collector is behind, its
processor time and its memory, every five seconds.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from miner.collector import Labeller, Options, Outcome, collect
from miner.lexicon import load_lexicon
from miner.sources.bluesky import Bluesky
from miner.store import Store

WORDS = ["the", "morning", "tea", "what", "of", "a", "day", "people", "out", "there", "how", "we"]


def frames() -> Iterator[str]:
    """Events of the v1 wire, about 600 bytes each, stamped with the time."""
    seed = random.Random(7)
    names = ("WhatsApp", "Netflix", "Vodafone", "PayPal")
    number = 0
    while True:
        number += 1
        words = seed.choices(WORDS, k=seed.randint(4, 40))
        if number % 50 == 0:
            words[2:2] = [seed.choice(names), "is", "down"]
        at = time.time_ns() // 1000
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at / 1e6))
        commit = {
            "rev": f"3mm{number}",
            "operation": "delete" if number % 20 == 0 else "create",
            "collection": "app.bsky.feed.post",
            "rkey": f"3mm{number if number % 20 else number - 10}",
        }
        if number % 20:
            commit["record"] = {
                "$type": "app.bsky.feed.post",
                "createdAt": stamp,
                "langs": ["en"],
                "text": " ".join(words),
                "reply": {"parent": {"uri": "at://did:plc:" + "a" * 24, "cid": "b" * 59}},
            }
            commit["cid"] = "c" * 59
        event = {
            "did": f"did:plc:{seed.randint(1, 400_000):024d}",
            "time_us": at,
            "kind": "commit",
            "commit": commit,
        }
        yield json.dumps(event, separators=(",", ":"))


def serve(rate: int, ports: multiprocessing.Queue[int]) -> None:
    """Send at a steady rate to whoever connects."""
    from websockets.asyncio.server import ServerConnection
    from websockets.asyncio.server import serve as listen
    from websockets.exceptions import ConnectionClosed

    async def send(connection: ServerConnection) -> None:
        began = time.monotonic()
        for sent, frame in enumerate(frames()):
            while sent >= (time.monotonic() - began) * rate:
                await asyncio.sleep(0.005)
            try:
                await connection.send(frame)
            except ConnectionClosed:
                return

    async def main() -> None:
        async with listen(send, "127.0.0.1", 0, compression=None) as server:
            ports.put(next(iter(server.sockets)).getsockname()[1])
            await asyncio.Future()

    asyncio.run(main())


def main() -> None:
    """Collect and report."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600
    rate = int(sys.argv[2]) if len(sys.argv) > 2 else 5_000
    ports: multiprocessing.Queue[int] = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(rate, ports), daemon=True)
    server.start()
    url = f"ws://127.0.0.1:{ports.get()}"
    labeller = Labeller(list(load_lexicon().services), load_lexicon())
    last = time.monotonic()
    began, cpu = last, time.process_time()

    def told(outcome: Outcome) -> None:
        nonlocal last
        if time.monotonic() - last > 5 and outcome.reached:
            last = time.monotonic()
            behind = time.time() - outcome.reached / 1e6
            used = 100 * (time.process_time() - cpu) / (last - began)
            memory = int(Path("/proc/self/statm").read_text().split()[1]) * 4 / 1024
            print(
                f"{last - began:4.0f} s: {outcome.seen / (last - began):,.0f} events/s, "
                f"{behind:.1f} s behind, {used:.0f} % of a core, {memory:.0f} MB, "
                f"{outcome.candidates:,} candidates",
                flush=True,
            )

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outages.db"
        options = Options(seconds=seconds, urls={"bluesky": url})
        stop = threading.Event()
        (outcome,) = collect(path, [Bluesky()], labeller, options, stop=stop, progress=told)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{outcome.seen:,} events, {outcome.posts:,} posts kept, peak {peak:.0f} MB")
        print(f"database {path.stat().st_size / 1e6:.0f} MB, {len(Store(path).posts()):,} rows")
    server.terminate()


if __name__ == "__main__":
    main()
