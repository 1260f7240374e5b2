"""When a platform says to come back: the headers of a refusal, read with doubt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from miner.formats.times import SECOND, iso_time, to_micros

#: Headers that name the end of a rate limit: X, then Mastodon and Reddit.
_RESETS: Final = ("x-rate-limit-reset", "x-ratelimit-reset", "ratelimit-reset")
#: Numbers below this count seconds from now, others from 1970 (X).
_EPOCH_SECONDS: Final = 1_000_000_000


def retry_at(headers: Mapping[str, str], now: int) -> int | None:
    """When to ask again, in microseconds since 1970 UTC; None where nobody said.

    A time that has passed already counts as not said: a platform whose clock is
    behind would be asked again at once, and again.

    Args:
        headers: of the reply, in any case.
        now: microseconds since 1970 UTC.
    """
    by_name = {name.lower(): value.strip() for name, value in headers.items()}
    found = _instant(by_name.get("retry-after", ""), now)
    for name in _RESETS:
        if found is None:
            found = _instant(by_name.get(name, ""), now)
    return found if found is not None and found > now else None


def _instant(value: str, now: int) -> int | None:
    """The time of seconds from now, seconds since 1970, an ISO time or an HTTP date."""
    if not value:
        return None
    try:
        number = float(value)
    except ValueError:
        return iso_time(value) or _http_date(value)
    if not 0 <= number < 1e11:
        return None
    since = 0 if number >= _EPOCH_SECONDS else now
    return since + round(number * SECOND)


def _http_date(value: str) -> int | None:
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    return to_micros(when if when.tzinfo else when.replace(tzinfo=UTC))
