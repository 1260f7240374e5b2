"""The detector: online, honest about gaps, sharp on simulated outages, silent on jokes."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from miner.detector import detect, link
from miner.detector.evidence import RATIOS, ratios_of
from miner.detector.thresholds import Thresholds, parse
from miner.errors import InputError, NaiveTimeError, SchemaError, UsageError
from miner.mining import Options, mine
from miner.post import OUTAGES
from miner.testing import World, simulate
from miner.testing.morning import ONSET

COLUMNS = ["expected", "upper", "score", "state"]


def flat(counts, freq="1min", start="2024-01-01T00:00Z", **columns):
    times = pd.date_range(start, periods=len(counts), freq=freq)
    return pd.DataFrame({"bin_start": times, "service": "a", "complaints": counts, **columns})


@pytest.fixture(scope="module")
def calm():
    return np.random.default_rng(1).poisson(2.0, 3 * 1440).astype(float)


@pytest.fixture(scope="module")
def outage(calm):
    counts = calm.copy()
    counts[3000:3060] += np.random.default_rng(2).poisson(30, 60)
    return counts


@pytest.fixture(scope="module")
def world():
    return simulate(World(services=3, rates=(0.5, 5.0, 50.0), days=20, training_days=14, seed=5))


def test_an_outage_is_found_dated_and_ended(outage):
    outages, series = detect(flat(outage))
    (row,) = outages.itertuples()
    start = pd.Timestamp("2024-01-01T00:00Z")

    assert list(outages.columns) == list(OUTAGES)
    assert abs(row.onset - (start + pd.Timedelta("3000min"))) <= pd.Timedelta("1min")
    assert row.detected_at - row.onset <= pd.Timedelta("3min")
    assert row.end_low <= start + pd.Timedelta("3060min") <= row.end_high
    assert row.peak == outage.max()
    assert row.severity > 10
    assert set(series["state"]) <= {"ok", "watch", "outage", "learning"}


def test_a_quiet_series_has_no_outage(calm):
    outages, series = detect(flat(calm))

    assert outages.empty
    assert series["expected"].iloc[-1] == pytest.approx(2.0, abs=0.5)
    assert (series["upper"].dropna() > series["expected"].dropna()).all()


@given(cut=st.integers(60, 4319))
@settings(max_examples=8)
def test_more_data_never_changes_an_earlier_row(outage, cut):
    counts = outage.copy()
    counts[500:540] = np.nan
    whole, part = detect(flat(counts)).series, detect(flat(counts[:cut])).series

    pd.testing.assert_frame_equal(whole.iloc[:cut], part)


@given(changed=st.integers(3000, 4000), value=st.integers(0, 500))
@settings(max_examples=5)
def test_a_bin_says_nothing_about_earlier_ones(outage, changed, value):
    counts = outage.copy()
    counts[changed] = value
    one, other = detect(flat(outage)).series, detect(flat(counts)).series

    pd.testing.assert_frame_equal(one[COLUMNS].iloc[:changed], other[COLUMNS].iloc[:changed])


def test_services_do_not_depend_on_each_other(outage, calm):
    one, two = flat(outage), flat(calm).assign(service="b")
    both = pd.concat([two, one]).sample(frac=1, random_state=0)
    together = detect(both).series.sort_values(["service", "bin_start"], ignore_index=True)
    apart = pd.concat([detect(one).series, detect(two).series], ignore_index=True)

    pd.testing.assert_frame_equal(
        together[["bin_start", "service", "state"]], apart[["bin_start", "service", "state"]]
    )
    np.testing.assert_allclose(together["score"], apart["score"], atol=2e-3)


def test_a_gap_is_unwatched_and_no_recovery(calm):
    counts = calm.copy()
    counts[2000:2100] = np.nan
    outages, series = detect(flat(counts))

    assert outages.empty
    assert (series["state"].iloc[2000:2100] == "unwatched").all()
    assert series[["expected", "upper", "score"]].iloc[2000:2100].isna().all(axis=None)


def test_half_the_coverage_expects_half_the_complaints(calm):
    coverage = np.ones(len(calm))
    coverage[3000:3200] = 0.5
    counts = np.where(coverage < 1, np.random.default_rng(3).binomial(calm.astype(int), 0.5), calm)
    series = detect(flat(counts, coverage=coverage)).series

    ratio = series["expected"].iloc[3100] / series["expected"].iloc[2990]
    assert ratio == pytest.approx(0.5, abs=0.12)


def test_the_first_hour_only_learns(outage):
    counts = outage.copy()
    counts[30:40] = 500

    assert (detect(flat(counts)).series["state"].iloc[:60] == "learning").all()


@pytest.mark.parametrize(
    ("freq", "n"), [("1s", 3 * 3600), ("30s", 1440), ("5min", 2000), ("1h", 900)]
)
def test_bins_from_a_second_to_an_hour(freq, n):
    minutes = pd.Timedelta(freq) / pd.Timedelta("1min")
    rng = np.random.default_rng(4)
    counts = rng.poisson(3 * minutes, n).astype(float)
    long = max(3, int(40 / minutes))
    first = int(n * 0.8)
    long = min(long, n - first)
    counts[first : first + long] = rng.poisson(90 * minutes, long)
    (row,) = detect(flat(counts, freq)).outages.itertuples()
    truth = pd.Timestamp("2024-01-01T00:00Z") + first * pd.Timedelta(freq)

    assert abs(row.onset - truth) <= max(pd.Timedelta("2min"), pd.Timedelta(freq))


def test_jokes_do_not_alarm_where_the_talk_is_seen(calm):
    rng = np.random.default_rng(6)
    talk = rng.poisson(1.0, len(calm)).astype(float)
    counts = calm.copy()
    jokes = rng.poisson(40, 60)
    leaked = rng.binomial(jokes, 0.2)
    counts[3000:3060] += leaked
    talk[3000:3060] += jokes - leaked

    assert detect(flat(counts, chatter=talk)).outages.empty
    assert len(detect(flat(counts)).outages) == 1


def test_one_author_cannot_make_an_outage(calm):
    counts, authors = calm + 1, calm + 1
    counts[3000:3030] += 60

    assert detect(flat(counts, authors=authors)).outages.empty


def test_simulated_outages_are_found(world):
    outages, _ = detect(world.series())
    late = world.outages["onset"] > pd.Timestamp("2024-01-15T00:00Z")
    strong = world.outages[late & (world.outages["ratio"] >= 10)]
    found = sum(
        (
            (outages["service"] == row.service)
            & (outages["detected_at"] >= row.onset)
            & (outages["detected_at"] <= row.end + pd.Timedelta("10min"))
        ).any()
        for row in strong.itertuples()
    )

    assert found >= len(strong) - 2


def test_a_split_series_gives_the_leading_symptom():
    split = mine("data/demo", Options(services=["whatsapp"], freq="1min", by="symptom")).series
    outages, series = detect(split)
    (row,) = outages.itertuples()

    assert abs(row.onset - ONSET) <= pd.Timedelta("5min")
    assert row.symptoms.startswith("send:")
    assert series["state"].notna().all()


def test_outages_that_begin_together_are_linked():
    base = pd.Timestamp("2024-01-01T00:00Z")
    rows = [("fb", 0), ("ig", 3), ("bank", 300)]
    table = pd.DataFrame(
        {
            "service": [name for name, _ in rows],
            "onset": [base + pd.Timedelta(m, "min") for _, m in rows],
            "onset_low": [base + pd.Timedelta(m - 1, "min") for _, m in rows],
            "onset_high": [base + pd.Timedelta(m + 1, "min") for _, m in rows],
        }
    )

    assert link(table)["services"].tolist() == ["fb;ig"]


def test_the_dial_is_monotone():
    rates = np.array([0.01, 0.3, 7.0, 500.0])
    alarms = [Thresholds(a, 1.0)(rates)[0] for a in (100.0, 12.0, 1.0, 0.1, 0.02)]

    assert all((b > a).all() for a, b in pairwise(alarms))
    assert (Thresholds(1.0, 1.0)(rates)[1] < alarms[2]).all()


@pytest.mark.parametrize("text", ["1", "often", "0/year", "9/day", "1/decade", "-1/year"])
def test_a_wrong_dial_is_refused(text):
    with pytest.raises(UsageError):
        parse(text)


def test_likelihood_ratios_have_mean_one_when_all_is_well():
    rng = np.random.default_rng(7)
    y = rng.poisson(1.0, 200_000).astype(float)
    one = np.ones_like(y)
    llr = ratios_of(y, one, 0 * one, 1.0001 * one[:1], 1e-6 * one[:1])

    assert np.exp(llr[:, :2]).mean(axis=0) == pytest.approx([1.0, 1.0], abs=0.03)
    assert llr.shape == (200_000, len(RATIOS))


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda t: t.drop(columns="complaints"), SchemaError, "complaints"),
        (lambda t: t.drop(index=5), InputError, "evenly spaced"),
        (lambda t: pd.concat([t, t.iloc[:1]]), InputError, "two rows"),
        (lambda t: t.assign(bin_start=t["bin_start"].dt.tz_localize(None)), NaiveTimeError, "zone"),
        (lambda t: t.assign(complaints=-1.0), InputError, "negative"),
        (lambda t: t.iloc[:1], InputError, "two bins"),
        (lambda t: t.iloc[:0], InputError, "no rows"),
        (lambda t: t.assign(symptom="x", country="y"), UsageError, "one split"),
    ],
)
def test_a_series_that_cannot_be_judged_is_refused_with_the_reason(change, error, says):
    with pytest.raises(error, match=says):
        detect(change(flat(np.ones(100))))


def test_bins_of_a_day_are_too_wide():
    with pytest.raises(UsageError, match="1 hour"):
        detect(flat(np.ones(30), "1D"))


def test_the_input_is_not_written_into(outage):
    series = flat(outage[:200])
    before = series.copy(deep=True)
    detect(series)

    pd.testing.assert_frame_equal(series, before)


def test_a_series_that_begins_long_before_it_was_watched():
    times = pd.date_range("2026-01-01", periods=3 * 288, freq="5min", tz="UTC")
    unwatched = times < pd.Timestamp("2026-01-02T12:00Z")
    series = pd.DataFrame(
        {
            "bin_start": times,
            "service": "whatsapp",
            "complaints": pd.array([None if gap else 1 for gap in unwatched], dtype="Int64"),
            "coverage": (~unwatched).astype("float64"),
        }
    )
    scored = detect(series).series

    assert set(scored.loc[unwatched, "state"]) == {"unwatched"}
    assert "unwatched" not in set(scored.loc[~unwatched, "state"])
