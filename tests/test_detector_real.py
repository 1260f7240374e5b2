"""The detector on real streams, which are no part of the repository: skipped without them."""

import json
from pathlib import Path

import miner
import pandas as pd
import pytest

EVAL = Path(__file__).resolve().parents[2] / "shared" / "eval"

pytestmark = [pytest.mark.fixtures, pytest.mark.slow]


@pytest.fixture(scope="module")
def stream():
    path = EVAL / "shaw_isp_2016-10_2017-02.csv.gz"
    if not path.is_file():
        pytest.skip(f"the stream is not at {path}")
    posts = pd.read_csv(path)
    posts["created_at"] = pd.to_datetime(posts["created_at"], utc=True)
    labelled = miner.label(posts).assign(service="isp")
    return miner.series(labelled, freq="5min")


def events():
    table = pd.read_csv(EVAL / "shaw_isp_events_dev.csv")
    return pd.DataFrame(
        {
            "service": "isp",
            "onset": pd.to_datetime(table["start_utc"], utc=True),
            "end": pd.to_datetime(table["end_utc"], utc=True),
            "is_outage": table["is_service_failure"] == 1,
        }
    )


def test_the_sharp_failure_of_the_isp_is_found_and_the_non_outage_is_not(stream):
    outages, _ = miner.detect(stream)
    known = events()
    sharp = known[known["onset"] == pd.Timestamp("2016-11-29T03:45Z")]
    result = miner.score(outages, known, series=stream, early="1h")

    assert result.alarms_on_non_outages == 0
    assert miner.score(outages, sharp, series=stream, early="1h").detected == 1
    assert len(outages) <= 10


@pytest.mark.xfail(reason="a slow threefold rise over 14 hours, after a day of the same")
def test_the_slow_failure_of_the_isp_is_found(stream):
    known = events()
    slow = known[known["onset"] == pd.Timestamp("2017-01-02T19:00Z")]

    assert miner.score(miner.detect(stream).outages, slow, series=stream, early="1h").detected == 1


def test_most_windows_of_the_tweet_volumes_of_numenta_draw_an_alarm():
    folder = EVAL / "nab"
    if not folder.is_dir():
        pytest.skip(f"the volumes are not at {folder}")
    windows = json.loads((folder / "combined_windows.json").read_text())
    alarms, found, n_windows = 0, 0, 0
    for path in sorted((folder / "realTweets").glob("*.csv")):
        table = pd.read_csv(path)
        series = pd.DataFrame(
            {
                "bin_start": pd.to_datetime(table["timestamp"], utc=True),
                "complaints": table["value"].astype(float),
            }
        )
        own = [
            tuple(pd.Timestamp(edge, tz="UTC") for edge in edges)
            for edges in windows[f"realTweets/{path.name}"]
        ]
        at = miner.detect(series).outages["detected_at"]
        hits = [((at >= start) & (at <= end)).to_numpy() for start, end in own]
        alarms, n_windows = alarms + len(at), n_windows + len(own)
        found += sum(bool(hit.any()) for hit in hits)

    # Measured: 28 of 33 windows, 274 alarms. Mentions of brands burst all the time, and most
    # bursts are in no window: a regression test, not a goal.
    assert (n_windows, found >= 27, alarms <= 290) == (33, True, True)
