"""Which window to draw next: where it reduces the error of the total most.

This is Neyman's allocation, found step by step: the shares that it needs are estimated
from what was drawn so far. Each stratum gets a first few posts before any gets more.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Final

from miner.sampler.planning import PER_WINDOW, Stratum
from miner.sampler.tallying import Tally

#: What every stratum gets first.
_FIRST_POSTS: Final = 10
_FIRST_WINDOWS: Final = 2


def choose(
    strata: Sequence[Stratum], parts: Sequence[Tally], drawn: Container[tuple[int, int]]
) -> tuple[tuple[int, int], float] | None:
    """The next window and its expected posts; None where every window was drawn.

    Args:
        strata: as planned.
        parts: the tally of each stratum.
        drawn: the windows that were drawn.
    """
    best: tuple[float, int] | None = None
    for number, tally in enumerate(parts):
        if not tally.is_whole:
            gain = _gain(tally)
            if best is None or gain > best[0]:
                best = gain, number
    if best is None:
        return None
    stratum = strata[best[1]]
    left = (number for number in stratum.order() if stratum.windows[number] not in drawn)
    found = next(left)  # the tally says that there is one
    return stratum.windows[found], stratum.expected[found]


def _gain(tally: Tally) -> float:
    """By how much one more window reduces the variance of the total; more than all at first."""
    n_posts, n_draws = tally.posts, len(tally.draws)
    if n_draws < _FIRST_WINDOWS or n_posts < min(_FIRST_POSTS, tally.mentions / 2):
        # The emptiest first; a stratum that gives nothing does not hold up the others.
        return 1e300 / (1 + n_draws) if n_draws < 4 * _FIRST_WINDOWS else 0.0
    share = (tally.complaints + 1) / (n_posts + 2)
    more = 1 / n_posts - 1 / (n_posts + PER_WINDOW)
    return tally.mentions**2 * share * (1 - share) * more
