"""Outages of several services that began together."""

from __future__ import annotations

import pandas as pd

from miner.post import require_columns


def link(outages: pd.DataFrame, *, within: str = "10min") -> pd.DataFrame:
    """Events: outages of different services whose onsets agree within their intervals.

    Args:
        outages: outages table.
        within: how far apart the intervals of two onsets may lie.

    Returns:
        One row an event of two services or more: ``event`` (from 1, by time), ``onset``
        (the first), ``services`` (in order of their onsets, joined by ";").

    >>> link(pd.DataFrame({"service": [], "onset": [], "onset_low": [], "onset_high": []})).empty
    True
    """
    require_columns(outages, ["service", "onset", "onset_low", "onset_high"], "the outages")
    ordered = outages.sort_values(["onset_low", "service"], kind="stable")
    events: list[dict[str, object]] = []
    members: list[str] = []
    first: pd.Timestamp | None = None
    last: pd.Timestamp | None = None
    for row in (*ordered.to_dict("records"), None):
        if row is not None and last is not None and row["onset_low"] <= last + pd.Timedelta(within):
            members.append(row["service"])
            last = max(last, row["onset_high"])
            continue
        names = list(dict.fromkeys(members))
        if len(names) > 1:
            events.append({"event": len(events) + 1, "onset": first, "services": ";".join(names)})
        if row is not None:
            members, first, last = [row["service"]], row["onset"], row["onset_high"]
    return pd.DataFrame(events, columns=["event", "onset", "services"])
