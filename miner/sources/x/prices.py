"""What X charges, in micros (millionths of a US dollar).

X's pay-per-use prices as its page of prices gave them in July 2026
(docs.x.com, x-api/getting-started/pricing). They are upper bounds: a post that is
read twice on one day (UTC) is billed once, and legacy plans pay a month in advance.
A setting overrides each: ``--set x.price_post=0.004``, in US dollars.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from miner.errors import UsageError

#: Name, and micros for one of it.
PRICES: Final[Mapping[str, int]] = {
    "price_post": 5_000,  # each post that a search or a stream gives
    "price_counts": 5_000,  # each request for counts of the last seven days
    "price_counts_archive": 10_000,  # each request for counts of the full archive
}


def price(name: str, options: Mapping[str, str]) -> int:
    """Micros of one of :data:`PRICES`, by the settings of the source.

    Raises:
        UsageError: a setting that is no amount.
    """
    if name not in options:
        return PRICES[name]
    try:
        micros = round(float(options[name]) * 1_000_000)
    except (ValueError, OverflowError):
        micros = -1
    if micros < 0:
        raise UsageError(f"x.{name}={options[name]!r} is no amount of US dollars; such as 0.005")
    return micros
