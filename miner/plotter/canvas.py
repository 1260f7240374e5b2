"""What all figures share: the library, colours, axes of time, files."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from miner.errors import UsageError

#: Colours that the colour-blind tell apart (after Okabe and Ito, 2008) and whose greys differ.
COMPLAINTS: Final = "#b2182b"
RECOVERIES: Final = "#2166ac"
BAND: Final = "#cfe1f2"
EXPECTED: Final = "#3d5a80"
OUTAGE: Final = "#1a1a1a"
GAP: Final = "0.55"


def pyplot() -> Any:
    """``matplotlib.pyplot``.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise UsageError('plotting needs matplotlib: pip install "miner[plot]"') from None
    return plt


def save_figure(figure: Any, path: str) -> None:
    """Write a figure; the ending of the name says the format.

    Raises:
        UsageError: an ending that matplotlib does not know.
    """
    try:
        figure.savefig(path, dpi=110)
    except ValueError as error:
        raise UsageError(f"{path}: {error}; use .png, .svg or .pdf") from None


def tidy(axes: Any) -> None:
    """Axes without a frame above and to the right, numbers with thousands marked."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def time_axis(axes: Any, first: pd.Timestamp, last: pd.Timestamp) -> None:
    """Horizontal axis in UTC from ``first`` to ``last``, with as few digits as will do."""
    from matplotlib import dates

    untyped: Any = dates
    locator = untyped.AutoDateLocator(tz="UTC", minticks=3, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    days = ["UTC", "%Y UTC", "%b %Y UTC", *["%d %b %Y UTC"] * 3]
    formatter = untyped.ConciseDateFormatter(locator, tz="UTC", offset_formats=days)
    axes.xaxis.set_major_formatter(formatter)
    axes.set_xlim(first, last)


def square_root(axes: Any) -> None:
    """Vertical axis in square roots: a count and its noise stay visible beside a large one."""
    axes.set_yscale("function", functions=(_root, np.square))


def _root(values: NDArray[np.float64]) -> NDArray[np.float64]:
    root: NDArray[np.float64] = np.sqrt(np.maximum(values, 0))
    return root


def columns_of(n_labels: int) -> int:
    """Columns of a legend: one row up to six labels, then two rows of equal length."""
    return max(1, n_labels if n_labels <= 6 else (n_labels + 1) // 2)


def legend_below(axes: Any) -> None:
    """The legend under the axes, where it can hide nothing."""
    handles, labels = axes.get_legend_handles_labels()
    has_times = axes.xaxis.get_tick_params()["labelbottom"]
    axes.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(0, -0.16 if has_times else -0.05),
        ncols=columns_of(len(labels)),
        frameon=False,
        fontsize=8,
        handlelength=1.8,
        columnspacing=1.4,
        borderaxespad=0,
    )
