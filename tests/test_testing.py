import gzip

import pandas as pd
import pytest
from miner.counter.times import instant
from miner.mining import Options, mine
from miner.testing import SyntheticMorning, write_demo
from miner.testing.morning import GAP, ONSET, RESTORED

DEMO = __import__("pathlib").Path(__file__).parents[1] / "data/demo"


def test_the_demo_in_the_repository_is_what_the_generator_writes(tmp_path):
    written = {path.name: gzip.decompress(path.read_bytes()) for path in write_demo(tmp_path)}
    kept = {path.name: gzip.decompress(path.read_bytes()) for path in DEMO.iterdir()}

    assert written == kept


def test_the_demo_is_small_and_says_that_it_is_synthetic():
    files = list(DEMO.iterdir())

    assert sum(path.stat().st_size for path in files) < 3_000_000
    assert all("synthetic" in path.name for path in files)
    assert len({path.name.split("_2022")[0] for path in files}) >= 3


def test_another_seed_gives_another_morning():
    one, two = SyntheticMorning(1, scale=0.1).posts, SyntheticMorning(2, scale=0.1).posts

    assert [post.text for post in one] != [post.text for post in two]
    assert one == SyntheticMorning(1, scale=0.1).posts


def test_about_seventy_per_cent_of_the_complaints_are_about_sending():
    morning = SyntheticMorning()
    complaints = [post for post in morning.posts if post.kind == "complaint"]
    sending = [post for post in complaints if post.text.lower() and _is_about(post, morning)]

    assert len(sending) / len(complaints) == pytest.approx(0.7, abs=0.04)


def _is_about(post, morning):
    said = morning._said["send"].get(post.lang, [])
    bare = post.text.lower().replace("dowwwn", "down").replace("nooot", "not")
    return any(bare.startswith(text.lower()) for text in said)


@pytest.fixture(scope="module")
def mined():
    return mine(str(DEMO), Options(services=["whatsapp"], freq="1min"))


def test_mining_the_demo_shows_the_morning(mined):
    table = mined.series.set_index("bin_start")["complaints"]
    before = table[: pd.Timestamp(ONSET)].mean()
    during = table[pd.Timestamp("2022-10-25T07:30Z") : pd.Timestamp(RESTORED)].mean()
    after = table[pd.Timestamp("2022-10-25T09:30Z") :].mean()

    assert during > 15 * max(before, 0.2)
    assert during > 10 * after


def test_the_gap_of_the_demo_is_null(mined):
    table = mined.series.set_index("bin_start")
    start, end = (instant(pd.Timestamp(at)) for at in GAP)
    inside = table[
        (table.index.astype("int64") > start) & (table.index.astype("int64") < end - 6e7)
    ]

    assert inside["complaints"].isna().all()
    assert (inside["coverage"] == 0).all()


def test_the_troubles_of_the_demo_are_reported(mined):
    skipped = mined.report.skipped

    assert skipped["torn last line"] == 3
    assert skipped["limit notice"] >= 1
    assert mined.report.deletions > 0
