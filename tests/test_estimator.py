import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from miner.errors import InputError, SchemaError, UsageError
from miner.estimator import SHIPPED, Rates, estimate, with_limits

RATES = Rates(hits=400, misses=100, false=40, right=960)


def bins(n, c):
    return pd.DataFrame({"mentions": n, "complaints": c})


@pytest.mark.parametrize("prevalence", [0.03, 0.1, 0.3, 0.7])
def test_bias_is_small_and_intervals_cover_at_500_posts_a_bin(prevalence):
    rng = np.random.default_rng(8)
    truth = np.full(600, round(500 * prevalence))
    true, false = rng.beta(401, 101, 600), rng.beta(41, 961, 600)
    c = rng.binomial(truth, true) + rng.binomial(500 - truth, false)
    table = estimate(bins(500, c), RATES)
    covered = (table["complaints_low"] <= truth) & (truth <= table["complaints_high"])

    assert table["complaints"].mean() / truth[0] == pytest.approx(1, abs=0.10)
    assert covered.mean() >= 0.93


@given(st.integers(0, 300).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_the_estimate_lies_in_its_interval_and_in_the_bin(pair):
    n, c = pair
    (row,) = estimate(bins([n], [c]), RATES).itertuples()

    assert 0 <= row.complaints_low <= row.complaints <= row.complaints_high <= n
    assert row.complaints_counted == c


def test_counting_overstates_quiet_bins_and_understates_severe_ones():
    table = estimate(bins([500, 500], [25, 330]), RATES)

    assert table["complaints"].iloc[0] < 25
    assert table["complaints"].iloc[1] > 330


def test_quiet_bins_are_not_overstated_beside_severe_ones():
    rng = np.random.default_rng(4)
    truth = np.array([10] * 300 + [300] * 12)
    c = rng.binomial(truth, RATES.true_positive) + rng.binomial(500 - truth, RATES.false_positive)
    found = estimate(bins(500, c), RATES)["complaints"].to_numpy()

    assert found[:300].mean() == pytest.approx(10, rel=0.1)
    assert found[300:].mean() == pytest.approx(300, rel=0.03)


def test_services_are_estimated_apart():
    both = bins([500, 500], [25, 330]).assign(service=["a", "b"])
    alone = pd.concat([estimate(both.iloc[[row]], RATES) for row in (0, 1)])

    pd.testing.assert_frame_equal(estimate(both, RATES), alone)


def test_what_nobody_watched_stays_null():
    series = bins(pd.array([None, 5], dtype="Int64"), pd.array([None, 2], dtype="Int64"))
    table = estimate(series, RATES)

    assert table[["complaints", "complaints_low", "complaints_high"]].iloc[0].isna().all()


def test_a_sampled_stream_is_scaled_with_a_wider_interval():
    full, tenth = (estimate(bins([500], [100]), RATES, sampling=q) for q in (1.0, 0.1))

    assert tenth["complaints"].iloc[0] == pytest.approx(10 * full["complaints"].iloc[0])
    assert tenth["complaints_high"].iloc[0] > 10 * full["complaints_high"].iloc[0]


def test_rates_come_from_labels():
    truth = pd.Series(["complaint", "complaint", "other", "other", "chatter"])
    found = Rates.of(truth, pd.Series(["complaint", "other", "complaint", "other", "other"]))

    assert found == Rates(1, 1, 1, 2)


def test_rates_that_differ_between_groups_are_wider_than_pooled_ones():
    rng = np.random.default_rng(3)
    groups = pd.Series(np.repeat(np.arange(10), 200))
    truth = pd.Series(["complaint", "other"] * 1000)
    p = np.where(truth == "complaint", np.repeat(rng.beta(8, 2, 10), 200), 0.1)
    labels = pd.Series(np.where(rng.random(2000) < p, "complaint", "other"))
    pooled, between = Rates.of(truth, labels), Rates.between(truth, labels, groups)

    assert between.true_positive == pytest.approx(pooled.true_positive)
    t_pooled, t_between = pooled.draws(64)[0], between.draws(64)[0]
    assert t_between.std() > 3 * t_pooled.std()
    assert t_between.std() == pytest.approx(0.12, abs=0.06)


def test_limits_leave_the_counts_and_hold_them():
    n = np.arange(0, 400, 7)
    series = bins(n, n // 2)
    table = with_limits(series)

    assert table["complaints"].equals(series["complaints"])
    assert (table["complaints_low"] <= table["complaints"]).all()
    assert (table["complaints"] <= table["complaints_high"]).all()


def test_there_are_rates_for_every_mode_and_purpose():
    from miner.classifier import PURPOSES
    from miner.matcher.match import MODES

    assert set(SHIPPED) == {(mode, purpose) for mode in MODES for purpose in PURPOSES}
    strict, loose = SHIPPED["phrase", "precise"], SHIPPED["phrase", "sensitive"]
    assert strict.false_positive < loose.false_positive
    assert strict.true_positive < loose.true_positive


def test_what_makes_no_sense_is_refused():
    with pytest.raises(UsageError, match="chance"):
        Rates(1, 9, 9, 1)
    with pytest.raises(UsageError, match="both kinds"):
        Rates(0, 0, 9, 1)
    with pytest.raises(UsageError, match="sampling"):
        estimate(bins([1], [1]), RATES, sampling=0)
    with pytest.raises(InputError, match="more complaints than mentions"):
        estimate(bins([1], [2]), RATES)
    with pytest.raises(SchemaError, match="mentions"):
        estimate(pd.DataFrame({"complaints": [1]}), RATES)
