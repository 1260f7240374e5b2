"""Figures of series. Needs matplotlib: ``pip install "miner[plot]"``.

``python -m miner.plotter SERIES.csv OUT.png`` draws a series that ``miner mine`` wrote.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from miner.errors import UsageError
from miner.post import require_columns


def plot(series: pd.DataFrame, service: str | None = None, title: str = "") -> tuple[Any, Any]:
    """Figure and axes of one service: complaints and recoveries a bin, gaps shaded.

    Args:
        series: series table; times with a zone.
        service: which one; may be left out where there is only one.
        title: text above the figure.

    Raises:
        UsageError: matplotlib is not installed, or the service is not clear.
        SchemaError: a column is missing.
    """
    plt = _pyplot()
    require_columns(series, ["bin_start", "service", "coverage", "complaints"], "the series")
    names = series["service"].unique()
    if service is None and len(names) > 1:
        raise UsageError(f"name one service of {', '.join(map(str, names[:8]))}")
    own = series[series["service"] == (service or names[0])].set_index("bin_start")
    figure, axes = plt.subplots(figsize=(9, 3.2), layout="constrained")
    values = own["complaints"].astype("float64")
    # The two lines differ in weight and stroke too: they must read in grey.
    axes.step(own.index, values, where="post", color="#b2182b", lw=1.8, label="complaints")
    recoveries = own["recoveries"].astype("float64")
    axes.step(own.index, recoveries, where="post", color="#2166ac", lw=1.2, ls="--")
    axes.plot([], [], color="#2166ac", lw=1.2, ls="--", label="recoveries")
    _shade_gaps(axes, own["coverage"])
    axes.set(ylabel="posts a bin", xlabel="UTC", ylim=(0, None), title=title)
    axes.margins(x=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure, axes


def plot_reliability(rows: Sequence[Mapping[str, float]]) -> tuple[Any, Any]:
    """Reliability diagram: share of complaints among posts given the same probability.

    Args:
        rows: of :func:`miner.classifier.evaluation.reliability`.

    Raises:
        UsageError: matplotlib is not installed.
    """
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(4.2, 4.2), layout="constrained")
    axes.plot([0, 1], [0, 1], color="0.6", lw=1, ls="--", label="perfect")
    mean_p = [row["mean_p"] for row in rows]
    reach = [
        [row["share"] - row["low"] for row in rows],
        [row["high"] - row["share"] for row in rows],
    ]
    shares = [row["share"] for row in rows]
    axes.errorbar(mean_p, shares, yerr=reach, fmt="o-", color="#b2182b", label="posts, 95 %")
    for row in rows:
        axes.annotate(
            f"{row['n']:,.0f}",
            (row["mean_p"], row["share"]),
            xytext=(4, -10),
            textcoords="offset points",
            fontsize=7,
            color="0.35",
        )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability given", ylabel="share of complaints")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure, axes


def save_figure(figure: Any, path: str) -> None:
    """Write a figure; the ending of the name says the format.

    Raises:
        UsageError: an ending that matplotlib does not know.
    """
    try:
        figure.savefig(path, dpi=110)
    except ValueError as error:
        raise UsageError(f"{path}: {error}; use .png, .svg or .pdf") from None


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise UsageError('plotting needs matplotlib: pip install "miner[plot]"') from None
    return plt


def _shade_gaps(axes: Any, coverage: pd.Series) -> None:
    """Grey areas where nobody watched, so that they cannot be read as quiet."""
    times = coverage.index
    if len(times) < 2:
        return
    width = times[1] - times[0]
    is_gap = np.concatenate([[False], (coverage == 0).to_numpy(), [False]])
    edges = np.flatnonzero(np.diff(is_gap.astype(int)))
    for number, (start, end) in enumerate(zip(edges[::2], edges[1::2], strict=True)):
        label = "not watched" if number == 0 else None
        axes.axvspan(times[start], times[end - 1] + width, color="0.85", lw=0, label=label)


def main() -> None:
    """Draw a series file into an image file."""
    if len(sys.argv) != 3:
        sys.exit("usage: python -m miner.plotter SERIES.csv OUT.png")
    series = pd.read_csv(sys.argv[1], parse_dates=["bin_start"])
    figure, _ = plot(series, title="WhatsApp, 25 October 2022: a synthetic replay")
    save_figure(figure, sys.argv[2])


if __name__ == "__main__":
    main()
