"""How long a one-minute series of a month takes out of 10 million labelled posts.

    python benchmarks/store.py [NUMBER]

All posts are of one service and one month, the worst case; they are put into the
tables directly, and the counts made as a migration makes them.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from miner.store import Store
from miner.store.connecting import transaction, writing
from miner.store.counting import rebuild

START = 1_664_582_400_000_000  # 2022-10-01T00:00Z
MONTH = 31 * 86_400 * 1_000_000
BATCH = 500_000
GAP = 600_000_000


def fill(connection: sqlite3.Connection, n_posts: int) -> None:
    """Random posts, four in ten complaints of 200,000 authors.

    The watch has 200 gaps of ten minutes, with one in a hundred of the posts there
    (late ones, lying clocks).
    """
    random = np.random.default_rng(7)
    at = np.sort(random.integers(START, START + MONTH, n_posts))
    gaps = START + np.sort(random.choice(31 * 144, 200, replace=False)) * GAP
    in_gap = np.isin(at - (at - START) % GAP, gaps) & (random.random(n_posts) > 0.01)
    at = at[~in_gap]
    n_posts = len(at)
    for first in range(0, n_posts, BATCH):
        numbers = np.arange(first, min(first + BATCH, n_posts))
        when = at[numbers].tolist()
        authors = random.integers(1, 200_000, len(numbers)).tolist()
        labels = random.choice(
            ["complaint", "other", "chatter", "recovery"], len(numbers), p=[0.4, 0.3, 0.2, 0.1]
        ).tolist()
        langs = random.choice(["en", "es", "pt", "hi"], len(numbers)).tolist()
        keys = random.integers(-(1 << 62), 1 << 62, len(numbers)).tolist()
        posts = zip(numbers.tolist(), when, strict=True)
        connection.executemany(
            "INSERT INTO post (id, source, post_id, created_at, text, is_repost) "
            "VALUES (?1, 'bluesky', 'at://did:plc:abcdefghijklmnop/app.bsky.feed.post/' || ?1, "
            "?2, 'whatsapp is down again, is it only me or everybody?', 0)",
            posts,
        )
        rows = zip(when, numbers.tolist(), keys, authors, langs, labels, strict=True)
        connection.executemany(
            "INSERT INTO candidate (service, at, post, post_key, author_key, source, lang, "
            "is_repost, label, p_complaint, symptom, model) VALUES ('whatsapp', ?, ?, ?, ?, "
            "'bluesky', ?, 0, ?6, 0.5, CASE ?6 WHEN 'complaint' THEN 'send' END, 'm')",
            rows,
        )
    edges = [START, *(edge for gap in gaps.tolist() for edge in (gap, gap + GAP)), START + MONTH]
    spans = [
        ("bluesky", "whatsapp", "q", start, end)
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        if start < end
    ]
    connection.executemany("INSERT INTO watched VALUES (?, ?, ?, ?, ?)", spans)


def main() -> None:
    """Fill a database and measure."""
    n_posts = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outages.db"
        began = time.perf_counter()
        with writing(path) as connection:
            with transaction(connection):
                fill(connection, n_posts)
            print(f"{n_posts:,} posts in {time.perf_counter() - began:.0f} s", flush=True)
            began = time.perf_counter()
            with transaction(connection):
                rebuild(connection)
            print(f"counts made anew in {time.perf_counter() - began:.0f} s", flush=True)
        print(f"{path.stat().st_size / 1e9:.2f} GB")
        for options in ({}, {"by": "lang"}, {"by": "symptom"}):
            for _ in range(3):
                began = time.perf_counter()
                table = Store(path).series("whatsapp", "1min", **options)
                print(f"{options}: {len(table):,} rows in {time.perf_counter() - began:.2f} s")
        began = time.perf_counter()
        day = {"start": "2022-10-25T00:00Z", "end": "2022-10-26T00:00Z"}
        table = Store(path).series("whatsapp", "1s", **day)
        print(f"1s of a day: {len(table):,} rows in {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()
