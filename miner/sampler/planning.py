"""From the mentions a minute to strata, and windows within them that can be drawn.

A window is an interval of whole seconds in which about :data:`PER_WINDOW` posts are
expected; drawing it means to ask for every post in it. A stratum is a run of windows;
all strata hold about the same number of mentions, so that time is cut finest where
most is said.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from miner.formats.times import SECOND

MINUTE: Final = 60 * SECOND
#: Posts that are expected in a window; enough that a request is not wasted on one post,
#: few enough that a draw says something about a whole stratum.
PER_WINDOW: Final = 3.0
#: Posts for each stratum, and the most strata.
_PER_STRATUM: Final = 40
_MOST_STRATA: Final = 48
#: For sums of fractions that should be whole.
_TINY: Final = 1e-6

#: A window and its expected posts.
Expected: TypeAlias = tuple[tuple[int, int], float]


@dataclass(frozen=True)
class Stratum:
    """A run of windows.

    Attributes:
        windows: intervals in micros UTC, whole seconds, without holes.
        expected: for each window, how many posts the counts let expect.
        mentions: posts that the platform counted in it.
        seed: of the order in which windows are drawn.
    """

    windows: tuple[tuple[int, int], ...]
    expected: tuple[float, ...]
    mentions: int
    seed: int = 0

    @property
    def start(self) -> int:
        """Where it begins, in micros UTC."""
        return self.windows[0][0]

    @property
    def end(self) -> int:
        """Where it ends, in micros UTC, exclusive."""
        return self.windows[-1][1]

    def order(self) -> list[int]:
        """Numbers of its windows in the order in which they are drawn.

        It begins at random and goes on where the widest hole is, so that few windows
        already lie all over the stratum: what changes within it is met evenly. The order
        is the same whenever it is asked for, so that a run which was killed goes on with
        the same sample.
        """
        n_windows = len(self.windows)
        n_bits = max(1, (n_windows - 1).bit_length())
        first = random.Random(self.seed ^ self.start).randrange(n_windows)  # noqa: S311
        places = (int(f"{n:0{n_bits}b}"[::-1], 2) for n in range(1 << n_bits))
        order = [((place * n_windows >> n_bits) + first) % n_windows for place in places]
        return list(dict.fromkeys(order))


def plan(counts: Sequence[tuple[int, int]], n_posts: int, seed: int = 0) -> list[Stratum]:
    """Strata of a range, none of which is without mentions.

    Args:
        counts: pairs of a minute, micros UTC, and its mentions; in the order of time.
        n_posts: posts that can be paid for; it decides how many strata there are.
        seed: of the order in which windows are drawn.
    """
    windows = list(_windows(counts))
    total = sum(expected for _, expected in windows)
    n_strata = max(1, min(_MOST_STRATA, n_posts // _PER_STRATUM, len(windows) // 2))
    cuts = [0]
    seen, next_cut = 0.0, total / n_strata
    for number, ((_, end), expected) in enumerate(windows, 1):
        seen += expected
        # Only between minutes: what lies in a part of one, nobody has counted.
        if end % MINUTE == 0 and seen >= next_cut - _TINY:
            cuts.append(number)
            next_cut = total / n_strata * (math.floor(seen * n_strata / (total or 1) + _TINY) + 1)
    cuts = [*cuts[: max(1, len(cuts) - 1)], len(windows)]
    strata = [_stratum(windows, first, last, seed) for first, last in itertools.pairwise(cuts)]
    return [stratum for stratum in strata if stratum.mentions > 0]


def _stratum(windows: Sequence[Expected], first: int, last: int, seed: int) -> Stratum:
    part = windows[first:last]
    return Stratum(
        tuple(window for window, _ in part),
        tuple(expected for _, expected in part),
        round(sum(expected for _, expected in part)),
        seed,
    )


def _windows(counts: Sequence[tuple[int, int]]) -> Iterator[Expected]:
    """Windows and their expected posts: parts of busy minutes, runs of quiet ones."""
    start, waiting = None, 0
    end = 0
    for at, mentions in counts:
        is_next = start is None or at == end
        if start is not None and (not is_next or waiting + mentions > PER_WINDOW):
            yield (start, end), float(waiting)
            start, waiting = None, 0
        if mentions > PER_WINDOW:
            yield from _parts(at, mentions)
        else:
            start = at if start is None else start
            waiting += mentions
        end = at + MINUTE
    if start is not None:
        yield (start, end), float(waiting)


def _parts(at: int, mentions: int) -> Iterator[Expected]:
    """A minute cut into windows of whole seconds, about equally long."""
    n_parts = min(60, round(mentions / PER_WINDOW))
    cuts = [at + SECOND * (60 * number // n_parts) for number in range(n_parts + 1)]
    for start, end in itertools.pairwise(cuts):
        yield (start, end), mentions * (end - start) / MINUTE
