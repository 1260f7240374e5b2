import json
import subprocess
import sys
from pathlib import Path

import miner
import pandas as pd
import pytest
from miner.classifier import shipped
from miner.estimator import with_limits
from miner.mining import Options, mine

DEMO = Path(__file__).parents[1] / "data/demo"


def records(*rows):
    lines = []
    for n, row in enumerate(rows):
        base = {"created_at": "2022-10-25T06:50:00Z", "text": "whatsapp is down", "post_id": str(n)}
        lines.append(json.dumps({**base, "author": f"a{n}", **row}))
    return "\n".join(lines) + "\n"


def test_a_notebook_gets_the_same_series_as_the_command():
    posts = miner.read_posts(DEMO)
    labelled = miner.label(miner.match(posts, services=["whatsapp"]))
    table = miner.series(labelled, freq="5min")
    mined = mine(DEMO, Options(services=["whatsapp"], freq="5min"))

    pd.testing.assert_frame_equal(with_limits(table), mined.series)


def test_limits_are_left_empty_where_the_rates_are_not_known(tmp_path):
    (tmp_path / "posts.jsonl").write_text(records({}, {"text": "whatsapp is fine"}))
    usual = mine(tmp_path, Options(freq="1h"))
    split = mine(tmp_path, Options(freq="1h", by="symptom"))
    own = mine(tmp_path, Options(freq="1h", model=shipped()))

    assert usual.series["complaints_high"].notna().all()
    assert split.series["complaints_high"].isna().all()
    assert own.series["complaints_high"].isna().all()


def test_posts_deleted_later_count_nowhere(tmp_path):
    tweet = {
        "created_at": "Tue Oct 25 06:50:00 +0000 2022",
        "id_str": "1584800000000000000",
        "text": "whatsapp is down",
        "user": {"id_str": "1", "screen_name": "a"},
    }
    other = {**tweet, "id_str": "1584800000000000001", "user": {"id_str": "2", "screen_name": "b"}}
    gone = {"delete": {"status": {"id_str": tweet["id_str"], "user_id_str": "1"}}}
    path = tmp_path / "stream.jsonl"
    path.write_text("\n".join(map(json.dumps, [tweet, other, gone])))
    out = tmp_path / "posts.csv"
    mined = mine(path, Options(freq="1h", posts=str(out)))

    assert mined.series["mentions"].sum() == 1
    assert len(pd.read_csv(out)) == 1


def test_the_same_post_in_two_files_counts_once(tmp_path):
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text(records({}))
    out = tmp_path / "posts.csv"
    mined = mine(tmp_path, Options(freq="1h", posts=str(out)))

    assert mined.series["mentions"].sum() == 1
    assert len(pd.read_csv(out)) == 1


def test_written_posts_say_what_was_counted_and_what_was_pasted(tmp_path):
    text = "whatsapp is down because the company wants everybody to forward this message to friends"
    rows = [{"text": text, "author": f"p{n}"} for n in range(6)]
    later = "2022-10-25T06:51:00Z"
    rows += [{"author": "ann"}, {"author": "ann", "created_at": later}]
    (tmp_path / "in.jsonl").write_text(records(*rows))
    out = tmp_path / "out.csv"
    mined = mine(tmp_path / "in.jsonl", Options(freq="1h", posts=str(out), mode="mention"))
    posts = pd.read_csv(out)
    short = posts[posts["text"] == "whatsapp is down"]

    assert short["counted"].tolist() == [True, False]
    assert not short["flood"].any()
    complaint = posts[(posts["text"] == text) & (posts["label"] == "complaint")]
    assert complaint["flood"].all()
    assert mined.flooded in {0, 6}


def test_a_range_leaves_out_posts_before_and_after(tmp_path):
    rows = [{"created_at": f"2022-10-25T0{hour}:50:00Z"} for hour in (5, 6, 7)]
    (tmp_path / "in.jsonl").write_text(records(*rows))
    start = int(pd.Timestamp("2022-10-25T06:00Z").timestamp() * 1e6)
    mined = mine(tmp_path, Options(freq="1h", start=start, end=start + 3_600_000_000))

    assert mined.series["mentions"].tolist() == [1]


def test_posts_at_times_nobody_watched_are_told_apart(tmp_path):
    (tmp_path / "in.jsonl").write_text(records({}, {"created_at": "2022-10-25T09:00:00Z"}))
    start = int(pd.Timestamp("2022-10-25T06:00Z").timestamp() * 1e6)
    mined = mine(tmp_path, Options(freq="1h", watched=[(start, start + 3_600_000_000)]))

    assert mined.outside == 1
    assert mined.series["mentions"].sum() == 1


MEMORY = """
import re, sys
from miner.counter import tally
from miner.mining import Options, mine
tally.LIMIT = 20_000
mined = mine(sys.argv[1], Options(freq="1h", mode="mention", posts=sys.argv[2]))
# Not getrusage: its peak includes the memory of the process that started this one.
peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read()).group(1)
sys.stdout.write(f"{mined.report.posts} {peak}")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_memory_is_flat_even_when_every_row_matches(tmp_path):
    size = 200_000
    path = tmp_path / "in.csv"
    with path.open("w") as file:
        file.write("created_at,text,author\n")
        for n in range(size):
            second = f"2022-10-{1 + n % 28:02d}T{n // 28 % 24:02d}:{n // 700 % 60:02d}:00Z"
            file.write(f"{second},whatsapp is down for me number {n},a{n}\n")
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path), str(tmp_path / "out.csv")],
        capture_output=True,
        text=True,
        check=True,
    )
    posts, peak = map(int, done.stdout.split())

    assert posts == size
    assert peak < 500_000  # KiB
