from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from miner.classifier.evaluation import calibration_error, reliability
from miner.errors import InputError, NaiveTimeError, SchemaError, UsageError
from miner.plotter import plot, plot_reliability, plot_services, save_figure
from miner.plotter.canvas import pyplot

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


@pytest.fixture(autouse=True)
def _closed():
    yield
    pyplot().close("all")


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


def outage(onset, end, **more):
    return pd.DataFrame(
        {
            "service": ["whatsapp"],
            "onset": [times[onset]],
            "onset_low": [times[onset]],
            "onset_high": [times[onset + 1]],
            "detected_at": [times[onset + 1]],
            "end": [pd.NaT if end is None else times[end]],
            "end_low": [pd.NaT if end is None else times[end - 1]],
            "end_high": [pd.NaT if end is None else times[end]],
            "complaints": [13.0],
            "severity": [4.2],
        }
    ).assign(**more)


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def line(axes, label):
    (found,) = (own for own in axes.lines if own.get_label() == label)
    return found


def test_the_last_bin_has_its_width_and_a_gap_interrupts_the_line():
    _, axes = plot(series)
    drawn = line(axes, "complaints").get_ydata()

    assert len(drawn) == len(series) + 1
    assert np.isnan(drawn[2:4]).all()
    first, last = axes.get_xlim()
    assert (last - first) * 1440 == pytest.approx(6)


def test_what_was_expected_is_drawn_where_the_detector_filled_it():
    _, axes = plot(series.assign(expected=2.0, upper=[np.nan, 5, 5, 5, 5, 5]))

    assert {"expected", "up to the limit"} <= set(legend(axes))
    assert "expected" not in legend(plot(series.assign(expected=np.nan, upper=np.nan))[1])


def test_an_outage_shows_onset_detection_end_and_both_intervals():
    _, axes = plot(series, outages=outage(1, 4))

    assert {"outage, onset to end", "90 % interval", "detected"} <= set(legend(axes))
    assert len([own for own in axes.lines if own.get_marker() == "|"]) == 2
    text = axes.get_title(loc="left")
    assert "onset 25 Oct 00:01 (00:01–00:02), detected 00:02, end 00:04 (00:03–00:04)" in text
    assert "13 complaints, 4.2 × expected" in text


def test_a_lasting_outage_runs_to_the_edge_with_an_arrow():
    _, axes = plot(series, outages=outage(4, None))
    bar = line(axes, "outage, onset to end").get_xdata()

    assert bar[-1] == times[-1] + pd.Timedelta("1min")
    assert [own.get_marker() for own in axes.lines].count(">") == 1
    assert "lasting" in axes.get_title(loc="left")


def test_outages_of_other_services_and_times_are_left_out():
    other = outage(1, 4, service="telegram")
    earlier = outage(1, 4)
    for name in ("onset", "onset_low", "onset_high", "detected_at", "end", "end_low", "end_high"):
        earlier[name] -= pd.Timedelta("1D")
    _, axes = plot(series, outages=pd.concat([other, earlier]))

    assert "detected" not in legend(axes)


def test_a_truth_list_without_intervals_is_drawn_too():
    _, axes = plot(series, outages=outage(1, 4)[["onset", "detected_at", "end"]])

    assert "90 % interval" not in legend(axes)


def split_by(*names):
    parts = [
        series.assign(symptom=name, complaints=series["complaints"] * (number + 1))
        for number, name in enumerate(names)
    ]
    return pd.concat(parts, ignore_index=True)


def test_symptoms_are_stacked_the_commonest_below_and_add_up():
    figure, axes = plot(series, symptoms=split_by("call", "down", "send"))
    lower = figure.axes[1]

    assert axes is figure.axes[0]
    assert legend(lower) == ["send", "down", "call", "not watched"]
    top = max(path.vertices[:, 1].max() for own in lower.collections for path in own.get_paths())
    assert top == 9 * (1 + 2 + 3)


def test_rare_symptoms_are_one_layer():
    figure, _ = plot(split_by(*"abcdefgh"))

    assert legend(figure.axes[1]) == ["h", "g", "f", "e", "d", "others", "not watched"]


def test_layers_differ_in_grey_beside_their_neighbours():
    figure, _ = plot(split_by("call", "down", "send", "slow"))
    layers = figure.axes[1].collections
    grey = [own.get_facecolor()[0][:3] @ [0.299, 0.587, 0.114] for own in layers]

    assert all(abs(a - b) > 0.08 for a, b in pairwise(grey))
    assert len({own.get_hatch() for own in layers[:2]}) == 2


def test_a_series_split_by_a_dimension_is_drawn_as_its_sum():
    _, axes = plot(split_by("call", "down"))

    assert np.nanmax(line(axes, "complaints").get_ydata()) == 9 * 3


def test_services_have_a_panel_each_the_loudest_first_with_scales_of_their_own():
    small = series.assign(service="telegram", complaints=series["complaints"] // 4)
    _, panels = plot_services(pd.concat([small, series]), outages=outage(1, 4))

    headings = [panel.get_title(loc="left") for panel in panels]
    assert headings == ["whatsapp: at most 9 a bin, 1 outage", "telegram: at most 2 a bin"]
    assert panels[0].get_ylim()[1] > panels[1].get_ylim()[1]


def test_a_long_series_keeps_its_peaks_and_gaps_in_a_small_panel():
    n = 10_000
    long = pd.DataFrame(
        {
            "bin_start": pd.date_range("2024-01-01", periods=n, freq="1min", tz="UTC"),
            "complaints": pd.array([1.0] * n, dtype="Float64"),
        }
    )
    long.loc[5_000, "complaints"] = 77
    long.loc[7_000:7_010, "complaints"] = pd.NA
    figure, (panel,) = plot_services(long)
    drawn = line(panel, "complaints").get_ydata()

    assert len(drawn) < 400
    assert np.nanmax(drawn) == 77
    assert "largest bin of each 60 minutes" in figure.get_suptitle()
    assert len([patch for patch in panel.patches if patch.get_label() == "not watched"]) == 1


def test_a_quiet_series_and_a_single_bin_can_be_drawn():
    plot(series.assign(complaints=0))
    plot(series.head(1))
    plot(series.assign(complaints=pd.array([None] * 6, dtype="Int64"), coverage=0.0))


def test_what_makes_no_sense_is_refused():
    with pytest.raises(UsageError, match="no service 'fax'"):
        plot(series, "fax")
    with pytest.raises(InputError, match="no rows"):
        plot(series.head(0))
    with pytest.raises(SchemaError, match="'symptom'"):
        plot(series, symptoms=series)
    with pytest.raises(NaiveTimeError, match="zone"):
        plot(series.assign(bin_start=series["bin_start"].dt.tz_localize(None)))
