"""Times as platforms write them, to microseconds since 1970-01-01 UTC."""

from __future__ import annotations

import functools
import math
import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

SECOND: Final = 1_000_000

#: Bounds of a plausible time: 2000-01-01 and 2100-01-01, microseconds.
EARLIEST: Final = 946_684_800 * SECOND
LATEST: Final = 4_102_444_800 * SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
_TWITTER = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d) (\d{4})",
    re.ASCII,
)
_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,9})?", re.ASCII)
_TWITTER_EPOCH_MS = 1_288_834_974_657


def is_plausible(at: int) -> bool:
    """Whether a time lies in 2000 to 2099."""
    return EARLIEST <= at < LATEST


def parse_iso(value: object) -> datetime | None:
    """The time of an ISO 8601 string, naive if it names no zone; None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def to_micros(time: datetime) -> int | None:
    """Microseconds of an aware time; None if it falls outside the years 1 to 9999 in UTC."""
    at = (time - _EPOCH) // _MICROSECOND
    return at if _FIRST <= at <= _LAST else None


def iso_time(value: object) -> int | None:
    """Microseconds of an ISO 8601 string with a zone, else None."""
    parsed = parse_iso(value)
    return None if parsed is None or parsed.tzinfo is None else to_micros(parsed)


def twitter_time(value: object) -> int | None:
    """Microseconds of a time such as ``Wed May 24 20:35:57 +0000 2017``, else None."""
    match = _TWITTER.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    month, day, hour, minute, second, sign, offset_hours, offset_minutes, year = match.groups()
    midnight = _midnight(year, month, day)
    if midnight is None or int(hour) > 23 or int(minute) > 59 or int(second) > 60:
        return None
    offset = int(offset_hours) * 3600 + int(offset_minutes) * 60
    seconds = midnight + int(hour) * 3600 + int(minute) * 60 + int(second)
    return (seconds - offset if sign == "+" else seconds + offset) * SECOND


@functools.lru_cache(maxsize=1024)
def _midnight(year: str, month: str, day: str) -> int | None:
    try:
        ordinal = date(int(year), _MONTHS.index(month) // 4 + 1, int(day)).toordinal()
    except ValueError:
        return None
    return (ordinal - _EPOCH.toordinal()) * 86_400


def epoch_time(value: object, unit: int) -> int | None:
    """Microseconds of a number, or a string of one, that counts ``unit`` microseconds."""
    number = _number(value)
    if number is None:
        return None
    at = number * unit if isinstance(number, int) else round(number * unit)
    return at if _FIRST <= at <= _LAST else None


def any_epoch_time(value: object) -> int | None:
    """Microseconds of an epoch time in seconds, milliseconds or microseconds.

    The size tells the unit: for plausible times the three ranges lie far apart.
    """
    number = _number(value)
    if number is None:
        return None
    size = abs(number)
    return epoch_time(number, SECOND if size < 1e11 else 1000 if size < 1e14 else 1)


def _number(value: object) -> int | float | None:
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value.strip()):
            return None
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if abs(value) < 1e20 and math.isfinite(value) else None


def snowflake_time(post_id: str) -> int | None:
    """When X gave out an id, in microseconds; None for ids that do not hold a time.

    Floored to the second, as X floors ``created_at``.
    """
    if not (post_id.isascii() and post_id.isdigit()) or len(post_id) > 19:
        return None
    at = ((int(post_id) >> 22) + _TWITTER_EPOCH_MS) * 1000
    return at - at % SECOND if is_plausible(at) else None
