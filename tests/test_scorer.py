import doctest

import numpy as np
import pandas as pd
import pytest
from miner import scorer
from miner.errors import UsageError
from miner.scorer import read_times, score

MONTH = {"start": "2024-01-01T00:00Z", "end": "2024-01-31T00:00Z"}


def test_the_examples_of_the_docstrings_hold():
    assert doctest.testmod(scorer, optionflags=doctest.ELLIPSIS).failed == 0


def test_an_alarm_that_never_stops_finds_nothing():
    truth = read_times([("a", "10:00", "11:00"), ("a", "15:00", "16:00")])
    always = read_times([("a", "00:01", "23:59")], detected=True)
    result = score(always, truth, **MONTH)

    assert (result.detected, result.false_alarms) == (0, 1)


def test_a_miss_is_infinitely_late_and_written_as_null():
    truth = read_times([("a", "10:00", "11:00")])
    result = score(read_times([("a", "20:00", "20:10")], detected=True), truth, **MONTH)

    assert np.isinf(result.delay_median.value)
    assert result.to_json()["delay_median"]["value"] is None


def test_known_non_outages_are_counted_apart():
    truth = read_times([("a", "10:00", "11:00")]).assign(is_outage=False)
    result = score(read_times([("a", "10:10", "10:30")], detected=True), truth, **MONTH)

    assert (result.alarms_on_non_outages, result.false_alarms, result.outages) == (1, 0, 0)
    assert np.isnan(result.recall.value)


def test_a_lasting_outage_has_no_end_error():
    truth = read_times([("a", "10:00", "11:00")])
    found = read_times([("a", "10:05", "10:30")], detected=True).assign(
        end=pd.Series(pd.NaT, index=[0], dtype="datetime64[us, UTC]")
    )
    result = score(found, truth, **MONTH)

    assert result.detected == 1
    assert np.isnan(result.end_error.value)


def test_only_watched_time_counts():
    times = pd.date_range("2024-01-01", periods=1440, freq="1min", tz="UTC")
    series = pd.DataFrame({"bin_start": times, "complaints": 1.0})
    series.loc[:719, "complaints"] = np.nan
    empty = read_times([], detected=True)
    result = score(empty, read_times([("all", "20:00", "21:00")]), series=series)

    assert result.service_months == pytest.approx(0.5 / scorer.MONTH_DAYS)
    assert result.detected == 0


def test_nothing_to_score_is_refused():
    with pytest.raises(UsageError, match="--series"):
        score(read_times([], detected=True), read_times([]))
