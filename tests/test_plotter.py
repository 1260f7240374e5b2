import numpy as np
import pandas as pd
import pytest
from miner.classifier.evaluation import calibration_error, reliability
from miner.errors import UsageError
from miner.plotter import plot, plot_reliability, save_figure

times = pd.date_range("2022-10-25", periods=6, freq="1min", tz="UTC")
series = pd.DataFrame(
    {
        "bin_start": times,
        "service": "whatsapp",
        "coverage": [1.0, 1.0, 0.0, 0.0, 1.0, 1.0],
        "complaints": pd.array([1, 4, None, None, 9, 2], dtype="Int64"),
        "recoveries": pd.array([0, 0, None, None, 0, 3], dtype="Int64"),
    }
)


def test_gaps_are_shaded_once_a_gap():
    _, axes = plot(series)

    shaded = [patch for patch in axes.patches if patch.get_label() == "not watched"]
    assert len(shaded) == 1
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "complaints",
        "recoveries",
        "not watched",
    ]


def test_one_service_must_be_named_of_several():
    other = series.assign(service="telegram")

    with pytest.raises(UsageError, match="name one service"):
        plot(pd.concat([series, other]))


def test_reliability_compares_probabilities_with_shares():
    p = np.array([0.05] * 100 + [0.95] * 100)
    is_true = np.array([False] * 90 + [True] * 10 + [True] * 95 + [False] * 5)
    rows = reliability(is_true, p)

    assert [row["n"] for row in rows] == [100, 100]
    assert [row["share"] for row in rows] == pytest.approx([0.1, 0.95])
    assert all(row["low"] < row["share"] < row["high"] for row in rows)
    assert calibration_error(is_true, p) == pytest.approx(0.025)


def test_the_reliability_diagram_shows_a_point_a_tenth(tmp_path):
    rows = reliability(np.array([False, True, True]), np.array([0.1, 0.4, 0.9]))
    figure, axes = plot_reliability(rows)
    save_figure(figure, str(tmp_path / "r.svg"))

    assert len(axes.texts) == 3
    assert (tmp_path / "r.svg").read_text("utf-8").startswith("<?xml")
    with pytest.raises(UsageError, match=r"use \.png"):
        save_figure(figure, str(tmp_path / "r.docx"))
