"""Times as people and programs read them."""

from __future__ import annotations

import datetime as dt


def moment(at: int | None) -> str | None:
    """ISO 8601 in UTC, to the second, of microseconds since 1970; None of None."""
    if at is None:
        return None
    try:
        time = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=at)
    except OverflowError:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(seconds: float) -> str:
    """A duration in its two largest units, such as "2 h 5 min"."""
    whole = round(seconds)
    for name, width, part_name, part in (
        ("d", 86_400, "h", 3_600),
        ("h", 3_600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= width:
            rest = whole % width // part
            return f"{whole // width} {name}" + (f" {rest} {part_name}" if rest else "")
    return f"{whole} s"
