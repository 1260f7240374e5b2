"""Panels of a figure: one service over time, and its symptoms on top of each other."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from miner.plotter.canvas import BAND, COMPLAINTS, EXPECTED, RECOVERIES, pyplot
from miner.plotter.marks import HEADROOM, shade_gaps

#: So many symptoms have a layer of their own; the rest are one more.
LAYERS: Final = 5
#: Numbers of bins that make round stretches of time.
_ROUND: Final = (1, 2, 3, 6, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
_HATCHES: Final = ("", "////", "", "....", "", r"\\\\")


def bin_width(times: pd.Index) -> pd.Timedelta:
    """Width of the bins of a series: the least step; a minute where there is only one."""
    return pd.Timedelta("1min") if len(times) < 2 else pd.Timedelta(np.diff(times).min())


def edges(values: pd.Series) -> tuple[pd.Index, NDArray[np.float64]]:
    """Times and values for a step line in which the last bin has its width too."""
    times = values.index.append(pd.DatetimeIndex([values.index[-1] + bin_width(values.index)]))
    numbers = values.astype("float64").to_numpy(na_value=np.nan)
    return times, np.append(numbers, numbers[-1])


def draw_series(axes: Any, own: pd.DataFrame, *, thin: bool = False) -> None:
    """Expected band, complaints and recoveries a bin, gaps hatched.

    Args:
        axes: where to draw.
        own: rows of one service by ``bin_start``, in order.
        thin: lighter lines and no recoveries, for small panels.
    """
    if "expected" in own and own["expected"].notna().any():
        times, upper = edges(own["upper"])
        axes.fill_between(
            times, upper, step="post", color=BAND, lw=0, label="up to the limit", zorder=1
        )
        times, expected = edges(own["expected"])
        axes.step(
            times, expected, where="post", color=EXPECTED, lw=1, ls=":", label="expected", zorder=2
        )
    times, values = edges(own["complaints"])
    # The lines differ in weight and stroke too: they must read in grey.
    axes.step(
        times, values, where="post", color=COMPLAINTS, lw=0.8 if thin else 1.6, label="complaints"
    )
    if "recoveries" in own and not thin:
        times, values = edges(own["recoveries"])
        style = {"color": RECOVERIES, "lw": 1.1, "ls": "--"}
        axes.step(times, values, where="post", label="recoveries", **style)
    shade_gaps(axes, is_watched(own), bin_width(own.index))
    top = float(np.nanmax([*own["complaints"].astype("float64"), 1.0]))
    # Small panels have a scale of square roots: the lane takes twice the room there.
    axes.set_ylim(0, top * (HEADROOM**2 if thin else HEADROOM))


def thinned(own: pd.DataFrame, steps: int) -> pd.DataFrame:
    """At most about ``steps`` rows: the largest bin of each stretch; a gap stays a gap.

    A line of more bins than a panel has dots would be a solid area.
    """
    width = bin_width(own.index)
    least = -(-len(own) // steps)
    factor = next((round_one for round_one in _ROUND if round_one >= least), least)
    if factor < 2:
        return own
    stretch = pd.DatetimeIndex(own.index).floor(factor * width)
    groups = own.groupby(stretch)
    table = pd.DataFrame({"complaints": groups["complaints"].max()})
    for name in ("expected", "upper"):
        if name in own:
            table[name] = groups[name].max()
    table["coverage"] = is_watched(own).astype("float64").groupby(stretch).min()
    return table


def is_watched(own: pd.DataFrame) -> pd.Series:
    """Whether each bin was watched: a coverage over 0, and a count."""
    watched = own["complaints"].notna()
    return watched & (own["coverage"] > 0) if "coverage" in own else watched


def draw_symptoms(axes: Any, split: pd.DataFrame) -> None:
    """Complaints a bin by symptom, stacked: the commonest at the bottom, hatched in turn.

    ``split`` has one column a symptom, by ``bin_start``; null where nobody watched.
    """
    width = bin_width(split.index)
    layers = _leading(split)
    greys = pyplot().get_cmap("cividis")(np.linspace(0.08, 0.95, max(2, layers.shape[1])))
    base = np.zeros(len(split) + 1)
    for number, name in enumerate(layers):
        times, values = edges(layers[name].fillna(0))
        axes.fill_between(
            times,
            base,
            base + values,
            step="post",
            facecolor=greys[number],
            edgecolor="white",
            hatch=_HATCHES[number % len(_HATCHES)],
            lw=0.3,
            label=str(name),
        )
        base = base + values
    shade_gaps(axes, layers.notna().any(axis=1), width)
    axes.set_ylim(0, max(1.0, float(base.max())) * 1.05)


def _leading(split: pd.DataFrame) -> pd.DataFrame:
    """The commonest symptoms by column, then the rest as one."""
    order = split.sum().sort_values(ascending=False, kind="stable")
    order = order[order > 0]
    kept = list(order.index[:LAYERS])
    rest = list(order.index[LAYERS:])
    layers = split[kept]
    if rest:
        layers = layers.assign(others=split[rest].sum(axis=1, min_count=1))
    return layers if kept else split.iloc[:, :1]
