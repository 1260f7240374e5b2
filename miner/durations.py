"""Durations, times and money as people write them."""

from __future__ import annotations

import re

from miner.errors import UsageError

SECOND = 1_000_000
_UNITS = {"s": 1, "min": 60, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def seconds(text: str, option: str) -> float:
    """Seconds of "90s", "10m", "2h" or "30d".

    Raises:
        UsageError: not such a text.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)\s*", text.lower())
    if found is None:
        raise UsageError(f"{option} {text!r} is no duration; use a number and s, m, h or d: 10m")
    return float(found[1]) * _UNITS[found[2]]


def since(text: str, now: int) -> int:
    """Microseconds UTC of a duration before now, or of a time with a zone.

    Raises:
        UsageError: neither.
    """
    from miner.counter import instant

    try:
        return now - round(seconds(text, "--since") * SECOND)
    except UsageError:
        return instant(text, "--since")


def micros(text: str, option: str = "--budget") -> int:
    """Millionths of a US dollar of "5usd", "0.50 USD" or "$5".

    Raises:
        UsageError: not an amount of US dollars.
    """
    found = re.fullmatch(r"\s*\$?\s*(\d+(?:\.\d{1,6})?)\s*(?:usd)?\s*", text.lower())
    if found is None or not ("usd" in text.lower() or "$" in text):
        raise UsageError(f"{option} {text!r} is no amount of US dollars; write it as 5usd")
    whole, _, part = found[1].partition(".")
    return int(whole) * SECOND + int(part.ljust(6, "0"))
