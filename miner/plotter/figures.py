"""Whole figures: one service with its outages and symptoms, and many services at once."""

from __future__ import annotations

import math
from typing import Any, Final

import pandas as pd

from miner.errors import InputError, UsageError
from miner.plotter.canvas import columns_of, legend_below, pyplot, square_root, tidy, time_axis
from miner.plotter.marks import mark_outages, told
from miner.plotter.panels import bin_width, draw_series, draw_symptoms, thinned
from miner.post import DIMENSIONS, require_columns, require_utc

#: Services a figure of small panels holds; more would be too small to read.
MOST: Final = 24
#: Steps of a line in a small panel.
STEPS: Final = 300
_COUNTS: Final = ("mentions", "complaints", "recoveries")


def plot(
    series: pd.DataFrame,
    service: str | None = None,
    title: str = "",
    *,
    outages: pd.DataFrame | None = None,
    symptoms: pd.DataFrame | None = None,
) -> tuple[Any, Any]:
    """Figure and axes of one service over time.

    Complaints and recoveries a bin, what was expected and the limit where the detector
    has filled them, gaps hatched, outages in a lane at the top with onset, detection and
    end, and the complaints by symptom in a second panel.

    Args:
        series: series table; times with a zone. Split by a dimension, its sum is drawn.
        service: which one; may be left out where there is only one.
        title: text above the figure.
        outages: table of outages (:func:`miner.detect`); those of other services are left
            out.
        symptoms: series split by symptom; without it the ``series`` itself where it is.

    Returns:
        The figure and its upper axes; ``figure.axes`` has the panel of symptoms too.

    Raises:
        UsageError: matplotlib is not installed, or the service is not clear.
        SchemaError: a column is missing.
        NaiveTimeError: times without a zone.
    """
    plt = pyplot()
    ready = _ready(series)
    name = _service(ready, service)
    own = _total(ready[ready["service"] == name])
    if symptoms is None and "symptom" in series:
        symptoms = series
    split = None if symptoms is None else _by_symptom(symptoms, name)
    if split is None:
        figure, axes = plt.subplots(figsize=(9, 3.4), layout="constrained")
        panels = [axes]
    else:
        figure, both = plt.subplots(
            2, 1, figsize=(9, 5.2), layout="constrained", sharex=True, height_ratios=[3, 2]
        )
        panels = list(both)
    first, last = own.index[0], own.index[-1] + bin_width(own.index)
    draw_series(panels[0], own)
    if outages is not None and len(outages):
        shown = _of(outages, name, first, last)
        mark_outages(panels[0], shown, last)
        panels[0].set_title(told(shown), loc="left", fontsize=8, color="0.2")
    panels[0].set_ylabel("posts a bin")
    if split is not None:
        draw_symptoms(panels[1], split.reindex(own.index))
        panels[1].set_ylabel("complaints by symptom")
    for panel in panels:
        tidy(panel)
        time_axis(panel, first, last)
        legend_below(panel)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure, panels[0]


def plot_services(
    series: pd.DataFrame,
    title: str = "",
    *,
    outages: pd.DataFrame | None = None,
    columns: int = 3,
) -> tuple[Any, list[Any]]:
    """Figure and axes of many services: small panels on one axis of time.

    Every panel has its own scale, in square roots, so that a small service can be read beside
    a large one and a quiet day beside an outage; the largest number is written above it.
    Long series are drawn by the largest bin of each stretch. Services come by their
    complaints, the loudest first, :data:`MOST` of them.

    Args:
        series: series table of one service or more; times with a zone.
        title: text above the figure.
        outages: table of outages.
        columns: panels beside each other.

    Raises:
        UsageError: matplotlib is not installed.
        SchemaError: a column is missing.
        NaiveTimeError: times without a zone.
    """
    plt = pyplot()
    ready = _ready(series)
    loud = ready.groupby("service")["complaints"].sum().sort_values(ascending=False, kind="stable")
    names = list(map(str, loud.index[:MOST]))
    columns = min(columns, len(names))
    rows = math.ceil(len(names) / columns)
    size = (3.6 * columns, 1.5 * rows + 0.9)
    figure, grid = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    first = ready["bin_start"].min()
    last = ready["bin_start"].max() + bin_width(pd.Index(ready["bin_start"].unique()).sort_values())
    panels = list(grid.ravel())
    for panel in panels[len(names) :]:
        panel.set_visible(False)
    for panel, name in zip(panels, names, strict=False):
        own = _total(ready[ready["service"] == name])
        steps = thinned(own, STEPS)
        draw_series(panel, steps, thin=True)
        shown = None if outages is None else _of(outages, name, first, last)
        if shown is not None and len(shown):
            mark_outages(panel, shown, last, thin=True)
        square_root(panel)
        tidy(panel)
        time_axis(panel, first, last)
        panel.tick_params(labelsize=7)
        panel.xaxis.get_offset_text().set_fontsize(7)
        panel.set_title(_heading(name, own, shown), loc="left", fontsize=8)
    _legend(figure, panels[: len(names)])
    more = len(loud) - len(names)
    step = _words(bin_width(steps.index))
    dense = "" if len(steps) == len(own) else f"largest bin of each {step}"
    notes = [title, "square-root scales", dense, f"{more} more services not shown" if more else ""]
    figure.suptitle("; ".join(filter(None, notes)), x=0.01, ha="left", fontsize=10)
    return figure, panels[: len(names)]


def _words(span: pd.Timedelta) -> str:
    minutes = span.total_seconds() / 60
    return f"{minutes:g} minutes" if minutes < 120 else f"{minutes / 60:.3g} hours"


def _heading(name: str, own: pd.DataFrame, shown: pd.DataFrame | None) -> str:
    most = own["complaints"].max()
    text = f"{name}: at most {0 if pd.isna(most) else most:,.0f} a bin"
    if shown is None or shown.empty:
        return text
    return f"{text}, {len(shown)} outage{'s' if len(shown) > 1 else ''}"


def _legend(figure: Any, panels: list[Any]) -> None:
    """One legend for all panels: each label once."""
    found: dict[str, Any] = {}
    for panel in panels:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    figure.legend(
        found.values(),
        found.keys(),
        loc="outside lower left",
        ncols=columns_of(len(found)),
        frameon=False,
        fontsize=8,
    )


def _ready(series: pd.DataFrame) -> pd.DataFrame:
    """The series with UTC bins and a service in every row."""
    require_columns(series, ["bin_start", "complaints"], "the series")
    if series.empty:
        raise InputError("the series: holds no rows")
    bins = require_utc(series["bin_start"], "the series")
    ready = series.assign(bin_start=bins)
    return ready if "service" in ready else ready.assign(service="all")


def _service(ready: pd.DataFrame, service: str | None) -> str:
    names = [str(name) for name in ready["service"].unique()]
    if service is None and len(names) > 1:
        raise UsageError(f"name one service of {', '.join(names[:8])}")
    if service is not None and service not in names:
        raise UsageError(f"the series has no service {service!r}; it has {', '.join(names[:8])}")
    return service or names[0]


def _total(own: pd.DataFrame) -> pd.DataFrame:
    """Rows of one service by bin, in order; sums over a dimension it is split by."""
    if not any(name in own for name in DIMENSIONS):
        return own.set_index("bin_start").sort_index()
    groups = own.groupby("bin_start", sort=True)
    table = groups[[name for name in _COUNTS if name in own]].sum(min_count=1)
    return table.assign(coverage=groups["coverage"].max()) if "coverage" in own else table


def _by_symptom(symptoms: pd.DataFrame, service: str) -> pd.DataFrame:
    """Complaints of a service, a column for each symptom."""
    require_columns(symptoms, ["symptom"], "the series by symptom")
    ready = _ready(symptoms)
    own = ready[ready["service"] == service]
    own = own.assign(complaints=own["complaints"].astype("float64"))
    table = own.pivot_table(
        index="bin_start", columns="symptom", values="complaints", aggfunc=_sum, dropna=False
    )
    named = [name for name in table if str(name) not in {"", "none", "nan"}]
    return table[named]


def _sum(values: pd.Series) -> float:
    return float(values.sum(min_count=1))


def _of(
    outages: pd.DataFrame, service: str, first: pd.Timestamp, last: pd.Timestamp
) -> pd.DataFrame:
    """Outages of a service that the axes show a part of."""
    require_columns(outages, ["onset", "detected_at", "end"], "the outages")
    times = ["onset", "onset_low", "onset_high", "detected_at", "end", "end_low", "end_high"]
    outages = outages.reindex(columns=[*outages, *(n for n in times if n not in outages)])
    # Columns without any time have no type of their own yet.
    outages = outages.assign(**{name: pd.to_datetime(outages[name], utc=True) for name in times})
    own = outages[outages["service"] == service] if "service" in outages else outages
    return own[(own["onset"] < last) & ~(own["end"] < first)]
