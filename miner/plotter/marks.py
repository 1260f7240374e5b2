"""Marks over a series: gaps as gaps, outages with their times and intervals."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from miner.plotter.canvas import GAP, OUTAGE

#: Height of the lane of outages, in parts of the axes; the lines end below it.
LANE: Final = 0.955
HEADROOM: Final = 1.17
#: So many outages are told in words above the axes.
TOLD: Final = 2


def shade_gaps(axes: Any, watched: pd.Series, width: pd.Timedelta) -> None:
    """Hatched areas where nobody watched, so that they cannot be read as quiet.

    Args:
        axes: where to draw.
        watched: whether each bin was watched, by its start in UTC.
        width: of a bin.
    """
    times = watched.index
    is_gap = np.concatenate([[False], ~watched.to_numpy(dtype=bool), [False]])
    edges = np.flatnonzero(np.diff(is_gap.astype(int)))
    for number, (start, end) in enumerate(zip(edges[::2], edges[1::2], strict=True)):
        axes.axvspan(
            times[start],
            times[end - 1] + width,
            facecolor="0.95",
            edgecolor=GAP,
            hatch="////",
            lw=0,
            zorder=0.5,
            label="not watched" if number == 0 else None,
        )


def mark_outages(
    axes: Any, outages: pd.DataFrame, last: pd.Timestamp, *, thin: bool = False
) -> None:
    """A bar from onset to end in a lane at the top, thin over the 90 % intervals.

    A triangle points at the moment of the alarm; an arrow says that the outage lasts.
    ``last`` is the end of the axes; ``thin`` is for small panels.
    """
    lane = axes.get_xaxis_transform()
    for number, row in enumerate(outages.to_dict("records")):
        lasts = pd.isna(row["end"])
        end = last if lasts else row["end"]
        label = "outage, onset to end" if number == 0 else None
        style = {"color": OUTAGE, "transform": lane, "solid_capstyle": "butt", "zorder": 4}
        axes.plot([row["onset"], end], [LANE, LANE], lw=3 if thin else 5, label=label, **style)
        label = "90 % interval" if number == 0 else None
        for low, high in ((row["onset_low"], row["onset_high"]), (row["end_low"], row["end_high"])):
            if not (pd.isna(low) or pd.isna(high)):
                _interval(axes, low, high, label, lane)
                label = None
        axes.plot(
            [row["detected_at"]],
            [LANE - 0.045],
            marker="v",
            ms=4 if thin else 6,
            ls="none",
            color="white",
            markeredgecolor=OUTAGE,
            transform=lane,
            zorder=5,
            label="detected" if number == 0 else None,
        )
        for at in (row["onset"], None if lasts else row["end"]):
            if at is not None and not thin:
                axes.axvline(at, ymax=LANE, color=OUTAGE, lw=0.7, ls=(0, (4, 3)), zorder=1.5)
        if lasts:
            axes.plot(
                [last],
                [LANE],
                marker=">",
                ms=5 if thin else 8,
                color=OUTAGE,
                transform=lane,
                clip_on=False,
            )


def _interval(axes: Any, low: Any, high: Any, label: str | None, lane: Any) -> None:
    """A whisker: a thin line with ends, just above the bar so that both are seen."""
    axes.plot(
        [low, high],
        [LANE + 0.03, LANE + 0.03],
        color=OUTAGE,
        lw=1.1,
        marker="|",
        ms=5,
        transform=lane,
        zorder=4,
        label=label,
    )


def told(outages: pd.DataFrame) -> str:
    """Outages in words, a line each; their number where they are many."""
    if len(outages) > TOLD:
        lasting = int(outages["end"].isna().sum())
        return f"{len(outages)} outages" + (f", {lasting} lasting" if lasting else "")
    return "\n".join(_sentence(row) for row in outages.to_dict("records"))


def _sentence(row: dict[Any, Any]) -> str:
    onset = _with_interval(row["onset"], row["onset_low"], row["onset_high"])
    end = "lasting"
    if not pd.isna(row["end"]):
        day = "" if row["end"].date() == row["onset"].date() else f"{row['end']:%d %b} "
        end = f"end {day}{_with_interval(row['end'], row['end_low'], row['end_high'])}"
    parts = [f"onset {row['onset']:%d %b} {onset}", f"detected {row['detected_at']:%H:%M}", end]
    if not (pd.isna(row.get("severity", np.nan)) or pd.isna(row.get("complaints", np.nan))):
        parts.append(f"{row['complaints']:,.0f} complaints, {row['severity']:.3g} × expected")
    return ", ".join(parts)


def _with_interval(at: Any, low: Any, high: Any) -> str:
    if pd.isna(low) or pd.isna(high):
        return f"{at:%H:%M}"
    return f"{at:%H:%M} ({low:%H:%M}–{high:%H:%M})"
