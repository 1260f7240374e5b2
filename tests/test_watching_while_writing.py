"""A notebook reads in a loop while a job writes, in two processes: no error on either side."""

import multiprocessing
import time

import pandas as pd
import pytest
from miner.post import Post
from miner.sources.protocol import Page
from miner.store import Context, Store, Writer

T0 = 1_666_677_600_000_000
MINUTE = 60_000_000


def write_pages(path, seconds):
    until = time.monotonic() + seconds
    context = Context("x", ("whatsapp",), {"whatsapp": "q"}, "m", None, T0)
    number = 0
    with Writer.open(path) as writer:
        while time.monotonic() < until:
            at = T0 + number * MINUTE
            post = Post("x", str(number), at, at, f"h_{number:016x}", "whatsapp is down")
            page = Page(posts=[post], watched=(at, at + MINUTE), cursors={"c": str(number)})
            writer.apply(page, table(post), context)
            number += 1


def table(post):
    from miner.post import post_table

    return post_table([post]).assign(
        service="whatsapp", phrase=None, symptom_hint=None, label="complaint", p_complaint=1.0,
        symptom="down",
    )  # fmt: skip


@pytest.mark.parametrize("seconds", [2, pytest.param(300, marks=pytest.mark.slow)])
def test_reading_and_writing_do_not_disturb_each_other(seconds, tmp_path):
    path = tmp_path / "outages.db"
    with Writer.open(path):
        pass
    job = multiprocessing.get_context("spawn").Process(target=write_pages, args=(path, seconds))
    job.start()
    store, n_reads, last = Store(path), 0, 0
    while job.is_alive():
        hour = store.series("whatsapp", "1h")
        posts = store.posts("whatsapp")
        # What was read later holds no less, and pages are whole.
        assert last <= int(hour["mentions"].sum()) <= len(posts)
        assert posts.attrs["watched"] == [] or (
            pd.Timestamp(posts.attrs["watched"][-1][1]) - posts["created_at"].iloc[-1]
        ) == pd.Timedelta(minutes=1)
        last, n_reads = len(posts), n_reads + 1
    job.join()

    assert job.exitcode == 0
    assert n_reads > 1
    assert last > 10
