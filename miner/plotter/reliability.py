"""How far probabilities can be trusted, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from miner.plotter.canvas import pyplot


def plot_reliability(rows: Sequence[Mapping[str, float]]) -> tuple[Any, Any]:
    """Reliability diagram: share of complaints among posts given the same probability.

    Args:
        rows: of :func:`miner.classifier.evaluation.reliability`.

    Raises:
        UsageError: matplotlib is not installed.
    """
    plt = pyplot()
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
