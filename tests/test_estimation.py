"""The estimator on labels of real classifiers, resampled to known prevalences."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from miner.classifier import PURPOSES
from miner.estimator import SHIPPED

SCRIPT = Path(__file__).parents[1] / "benchmarks/detection/estimation.py"
DEMO = Path(__file__).parents[1] / "data/demo"


@pytest.fixture(scope="module")
def estimation():
    spec = importlib.util.spec_from_file_location("estimation", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["estimation"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["estimation"]


@pytest.fixture(scope="module")
def pool(estimation):
    return estimation.corpus_pool()


@pytest.mark.slow
@pytest.mark.parametrize("purpose", ["balanced", "precise"])
def test_on_the_resampled_corpus_bias_is_small_and_intervals_cover(estimation, pool, purpose):
    own = replace(pool, threshold=PURPOSES[purpose])
    table = estimation.measure(own, 500, splits=60, bins=20).set_index("prevalence")

    assert table.loc[0.03:, "ours"].between(0.9, 1.1).all(), table
    assert (table["cover"] >= 0.93).all(), table
    # At 1 % noise that cannot be negative shows: better than counting, and said so.
    assert table.loc[0.01, "ours"] < table.loc[0.01, "CC"] / 3


@pytest.mark.slow
def test_quapy_agrees_where_there_are_complaints_and_is_worse_where_there_are_few(estimation, pool):
    pytest.importorskip("quapy", reason='the reference needs pip install "miner[benchmark]"')
    table = estimation.measure(pool, 500, splits=4, bins=5, others=True).set_index("prevalence")
    many = table.loc[0.1:]

    assert many["ours"].to_numpy() == pytest.approx(many["ACC"].to_numpy(), rel=0.03)
    assert table.loc[0.01, "ours"] <= table.loc[0.01, "ACC"]


@pytest.mark.slow
@pytest.mark.fixtures
def test_rates_between_collections_hold_for_the_collection_left_out(estimation):
    if not estimation.REAL.exists():
        pytest.skip(f"labelled posts are not part of the repository and not at {estimation.REAL}")

    assert estimation.left_out("phrase")["holds"].mean() >= 0.85
    assert estimation.left_out("mention")["holds"].mean() >= 0.85


@pytest.mark.slow
@pytest.mark.fixtures
def test_the_shipped_rates_are_those_measured(estimation):
    if not estimation.REAL.exists():
        pytest.skip(f"labelled posts are not part of the repository and not at {estimation.REAL}")
    lines = "\n".join(estimation.shipped_rates())

    for (mode, purpose), rates in SHIPPED.items():
        assert f'("{mode}", "{purpose}"): Rates({rates.hits:.2f}, {rates.misses:.2f}' in lines


def test_limits_hold_the_truth_of_the_demo():
    import pandas as pd
    from miner.mining import Options, mine
    from miner.testing.morning import SyntheticMorning

    posts = SyntheticMorning().posts
    said = pd.DataFrame([(p.at, p.author) for p in posts if p.kind == "complaint"])
    said.columns = ["at", "author"]
    said["at"] = pd.to_datetime(said["at"], utc=True)
    once = said.sort_values("at").drop_duplicates(["author"])
    truth = once.groupby(once["at"].dt.floor("15min")).size()
    series = mine(DEMO, Options(services=["whatsapp"], freq="15min")).series
    series = series.set_index("bin_start").query("coverage == 1 and mentions >= 20")
    truth = truth.reindex(series.index, fill_value=0)
    holds = (series["complaints_low"] <= truth) & (truth <= series["complaints_high"])

    assert len(series) >= 10
    assert holds.mean() >= 0.9
