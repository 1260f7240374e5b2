"""From the mentions a minute to strata, and windows within them that can be drawn.

A window is an interval of whole seconds in which about :data:`PER_WINDOW` posts are
expected; drawing it means to ask for every post in it. A stratum is a run of windows;
all strata hold about the same number of mentions, so that time is cut finest where
most is said.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from miner.formats.times import SECOND

MINUTE: Final = 60 * SECOND
#: Posts that are expected in a window; enough that a request is not wasted on one post,
#: few enough that a draw says something about a whole stratum.
PER_WINDOW: Final = 5.0
#: Posts for each stratum, and the most strata.
_PER_STRATUM: Final = 40
_MOST_STRATA: Final = 48


@dataclass(frozen=True)
class Stratum:
    """A run of windows.

    Attributes:
        windows: intervals in micros UTC, whole seconds, without holes.
        expected: for each window, how many posts the counts let expect.
    """

    windows: tuple[tuple[int, int], ...]
    expected: tuple[float, ...]

    @property
    def start(self) -> int:
        """Where it begins, in micros UTC."""
        return self.windows[0][0]

    @property
    def end(self) -> int:
        """Where it ends, in micros UTC, exclusive."""
        return self.windows[-1][1]

    @property
    def mentions(self) -> int:
        """Posts that the platform counted in it."""
        return round(sum(self.expected))

    def order(self) -> list[int]:
        """Numbers of its windows in the random order in which they are drawn.

        The order is the same whenever it is asked for, so that a run which was killed
        goes on with the same sample.
        """
        numbers = list(range(len(self.windows)))
        random.Random(self.start).shuffle(numbers)  # noqa: S311 - a sample, no secret
        return numbers


def plan(counts: Sequence[tuple[int, int]], n_posts: int) -> list[Stratum]:
    """Strata of a range, none of which is without mentions.

    Args:
        counts: pairs of a minute, micros UTC, and its mentions; in the order of time.
        n_posts: posts that can be paid for; it decides how many strata there are.
    """
    windows = list(_windows(counts))
    total = sum(expected for _, expected in windows)
    n_strata = max(1, min(_MOST_STRATA, n_posts // _PER_STRATUM, len(windows) // 2))
    strata: list[Stratum] = []
    part: list[tuple[tuple[int, int], float]] = []
    seen = 0.0
    for window, expected in windows:
        part.append((window, expected))
        seen += expected
        if seen >= total * (len(strata) + 1) / n_strata - 1e-9:
            strata.append(_stratum(part))
            part = []
    if part and strata:
        strata[-1] = _stratum([*zip(strata[-1].windows, strata[-1].expected, strict=True), *part])
    return [stratum for stratum in strata if stratum.mentions > 0]


def _stratum(part: Sequence[tuple[tuple[int, int], float]]) -> Stratum:
    return Stratum(tuple(window for window, _ in part), tuple(expected for _, expected in part))


def _windows(counts: Sequence[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], float]]:
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


def _parts(at: int, mentions: int) -> Iterator[tuple[tuple[int, int], float]]:
    """A minute cut into windows of whole seconds, about equally long."""
    n_parts = min(60, round(mentions / PER_WINDOW))
    cuts = [at + SECOND * (60 * number // n_parts) for number in range(n_parts + 1)]
    for start, end in itertools.pairwise(cuts):
        yield (start, end), mentions * (end - start) / MINUTE
