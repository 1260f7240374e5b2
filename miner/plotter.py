"""Figures of series. Needs matplotlib: ``pip install "miner[plot]"``.

``python -m miner.plotter SERIES.csv OUT.png`` draws a series that ``miner mine`` wrote.
"""

from __future__ import annotations

import sys
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
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise UsageError('plotting needs matplotlib: pip install "miner[plot]"') from None
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
    figure.savefig(sys.argv[2], dpi=110)


if __name__ == "__main__":
    main()
