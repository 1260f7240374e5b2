"""Parts of the detector: the season, slow evidence, its ceiling, the own tail, talk."""

import numpy as np
import pytest
from miner.detector import season
from miner.detector.ceiling import Ceiling
from miner.detector.episodes import recovery
from miner.detector.horizons import Horizons
from miner.detector.smoothing import Fading
from miner.detector.tail import Tail
from miner.detector.talk import Talk

ONE = np.ones(1)
CALM = np.ones(1, dtype=bool)


def gathered(counts, season=2.0, leak=0.0):
    horizons = Horizons(1, 10.0)
    held = []
    for number, y in enumerate(counts):
        horizons.add(np.array([[y], [season], [leak]], dtype=float))
        horizons.close_block(number, ONE, 1.2 * ONE, CALM)
        held.append(float(horizons.held[0]))
    return np.array(held)


def test_hours_of_a_small_rise_gather_slow_evidence():
    rng = np.random.default_rng(0)
    calm, risen = rng.poisson(2.0, 600), rng.poisson(5.0, 48)
    held = gathered(np.concatenate([calm, risen]))

    assert held[600:].max() > held[200:600].max() + 5


def test_talk_that_explains_a_rise_leaves_no_slow_evidence():
    assert gathered(np.full(50, 6.0), leak=4.0).max() < 1.0


def test_a_horizon_starts_anew_after_an_outage():
    horizons = Horizons(1, 10.0)
    for number in range(20):
        horizons.add(np.array([[20.0], [2.0], [0.0]]))
        horizons.close_block(number, ONE, ONE, CALM)
    horizons.restart(0)
    horizons.add(np.array([[2.0], [2.0], [0.0]]))
    horizons.close_block(20, ONE, ONE, CALM)

    assert horizons.held[0] == 0.0


def tail_of(excesses):
    """The tail of a service that passes its daily score by these excesses, one a day."""
    tail = Tail(1, 10.0)
    tail.set_usual(6.0 * ONE, 1.5 * ONE)
    for excess in excesses:
        for block in range(144):
            tail.add(np.array([6.0 + excess if block == 50 else 0.0]), CALM)
        tail.refit()
    return tail


def test_a_service_like_the_simulated_ones_keeps_its_scores():
    tail = tail_of(np.random.default_rng(1).exponential(1.5, 120))
    scores = np.array([[0.0, 3.0, 6.0, 12.0]])

    np.testing.assert_allclose(tail.on_scale(scores), scores, atol=1.6)


def test_a_service_that_bursts_needs_more():
    tail = tail_of(np.random.default_rng(2).exponential(4.0, 120))

    assert tail.on_scale(np.array([[15.0]]))[0, 0] < 11.5


def test_large_outages_do_not_teach_a_service_to_expect_them():
    calm = np.random.default_rng(3).exponential(1.5, 120)
    one, other = tail_of(calm), tail_of(np.where(np.arange(120) % 10 == 0, 25.0, calm))

    assert other.stretch[0] == pytest.approx(one.stretch[0], abs=0.25)


def test_scores_keep_their_order():
    tail = tail_of(np.random.default_rng(4).exponential(3.0, 60))
    mapped = tail.on_scale(np.linspace(0, 40, 200)[None])

    assert (np.diff(mapped) >= -1e-9).all()


def test_talk_explains_jokes_and_no_outage():
    calm = np.full((1, 60), 1.0)
    usual = Talk(1, 1.0)
    usual.explained(np.full((1, 600), 1.0), np.full((1, 600), 1.0), np.full((1, 600), 1.0))
    jokes = usual.explained(np.full((1, 60), 33.0), np.full((1, 60), 9.0), calm).mean()
    again = Talk(1, 1.0)
    again.explained(np.full((1, 600), 1.0), np.full((1, 600), 1.0), np.full((1, 600), 1.0))
    outage = again.explained(np.full((1, 60), 9.0), np.full((1, 60), 9.0), calm).mean()

    assert jokes >= 8.0
    assert outage == pytest.approx(0.0, abs=0.2)


def ceiling_of(mean, alpha):
    ceiling = Ceiling(1, 1.0)
    ceiling.set_noise(mean * ONE, 1.3 * ONE, alpha * ONE)
    return ceiling


@pytest.mark.parametrize("ratio", [1.5, 2.5, 6.0])
def test_an_excess_is_worth_no_more_than_noise_of_its_size(ratio):
    ceiling = ceiling_of(50.0, 0.05)
    for _ in range(20):
        most = ceiling.of(np.full((1, 10), ratio * 50), np.full((1, 10), 50.0))

    assert most[0, -1] == pytest.approx(np.log(ratio) ** 2 / 0.1)


def test_one_bin_after_calm_ones_is_worth_what_it_is_to_the_running_ceiling():
    running = ceiling_of(20.0, 0.05)
    for _ in range(30):
        running.of(np.full((1, 10), 20.0), np.full((1, 10), 20.0))

    most = running.of(np.array([[60.0]]), np.array([[20.0]]))
    np.testing.assert_allclose(ceiling_of(20.0, 0.05).alone(np.array([[3.0]])), most)


def test_counts_as_expected_and_fewer_are_worth_nothing():
    assert (
        ceiling_of(50.0, 0.05).of(np.array([[50.0, 20.0, 0.0]]), np.full((1, 3), 50.0)) == 0
    ).all()


def test_few_complaints_may_gather_more_since_their_noise_is_their_number():
    quiet, busy = (ceiling_of(mean, 0.05) for mean in (0.02, 50.0))
    at_quiet, at_busy = (
        one.of(np.full((1, 10), 3 * mean), np.full((1, 10), mean))[0, -1]
        for one, mean in ((quiet, 0.02), (busy, 50.0))
    )

    assert at_quiet > 5 * at_busy


def test_the_ceiling_does_not_depend_on_how_bins_are_handed_over():
    rng = np.random.default_rng(3)
    y, mean = rng.poisson(9.0, (1, 10)).astype(float), np.full((1, 10), 5.0)
    y[0, 4] = np.nan
    whole = ceiling_of(5.0, 0.05).of(y, mean)
    by_parts = ceiling_of(5.0, 0.05)
    parts = [by_parts.of(y[:, cut], mean[:, cut]) for cut in (slice(0, 3), slice(3, 10))]

    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole)
    assert whole[0, 4] == pytest.approx(whole[0, 3])


def test_the_season_follows_a_day_that_differs_at_midnight():
    hours = np.arange(season.HOURS)
    is_sunday = (hours // 24 + 3) % 7 == 6  # 1970-01-01 was a Thursday
    rate = np.where(is_sunday, 30.0, 60.0)
    last = season.HOURS - 1
    sums, exposure = rate[None, :], np.ones((1, season.HOURS))
    beta = season.fit(sums, exposure, last, np.zeros((1, season.COLUMNS)))
    week = np.exp(beta @ season.design((hours[:168] + 0.5) * 60.0).T)[0]

    np.testing.assert_allclose(week, rate[:168], rtol=0.06)


def test_recoveries_among_the_complaints_tell_the_end():
    complaints, back = np.array([100.0, 8.0, 8.0, np.nan]), np.array([3.0, 10.0, np.nan, 2.0])
    found = recovery(complaints, back)

    assert found[0] < -20  # a few are taken for recoveries by mistake
    assert found[1] > 10
    assert found[2] == 0.0


def test_fading_sums_are_those_of_the_recursion_however_long_a_block_is():
    values = np.random.default_rng(2).normal(size=(2, 3, 50))
    keep = np.array([0.0, 0.5, 0.95])
    fading = Fading(2, 3)
    fading.set_keep(keep)
    found = np.concatenate([fading.push(values[:, :, :7]), fading.push(values[:, :, 7:])], axis=2)

    plain = np.zeros((2, 3))
    for at in range(50):
        plain = keep * plain + values[:, :, at]
        np.testing.assert_allclose(found[:, :, at], plain, atol=1e-12)
