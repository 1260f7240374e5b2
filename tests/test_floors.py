import json
from pathlib import Path

import pytest
from miner.classifier import floors
from miner.classifier.corpus import fingerprint, read_corpus

FLOORS = json.loads((Path(__file__).parents[1] / "data/floors.json").read_text("utf-8"))
REAL = Path(__file__).parents[2] / "shared/eval/posts_dev.csv"


def measured(**figures):
    base = dict.fromkeys(floors.FIGURES, 0.5)
    return {"sha256": "a", "posts": 1, "figures": {**base, **figures}}


def test_a_figure_below_its_floor_is_a_fault():
    assert floors.faults(measured(), measured()) == []
    assert floors.faults(measured(f1=0.4), measured()) == ["f1 is 0.4, the floor is 0.5"]
    assert floors.faults(measured(ece=0.6), measured()) == ["ece is 0.6, the floor is 0.5"]
    assert floors.faults(measured(ece=0.4, f1=0.6), measured()) == []


def test_changed_data_need_a_new_pin():
    (fault,) = floors.faults({**measured(), "sha256": "b"}, measured())
    assert "--update" in fault


def test_floors_are_never_lowered_silently():
    lower = measured(f1=0.4, ece=0.6)
    assert floors.raised(lower, measured(), allow_lower=False)["figures"] == measured()["figures"]
    assert floors.raised(lower, measured(), allow_lower=True) == lower
    assert floors.raised(measured(f1=0.6), measured(), allow_lower=False)["figures"]["f1"] == 0.6


def test_the_floor_of_the_corpus_is_that_of_this_corpus():
    assert FLOORS["corpus"]["sha256"] == fingerprint(read_corpus())


@pytest.mark.slow
def test_a_model_keeps_its_floor_on_services_and_families_it_has_not_seen():
    assert floors.faults(floors.measure_corpus(), FLOORS["corpus"]) == []


@pytest.mark.fixtures
def test_the_shipped_model_keeps_its_floor_on_real_posts():
    if not REAL.exists():
        pytest.skip(f"real labelled posts are not part of the repository and not at {REAL}")
    assert floors.faults(floors.measure_real(REAL), FLOORS["real posts"]) == []
