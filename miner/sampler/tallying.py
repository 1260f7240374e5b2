"""What was drawn of a stratum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from miner.sampler.planning import Stratum


@dataclass(frozen=True)
class Tally:
    """What was drawn of one stratum, or of several taken together.

    Attributes:
        start: micros UTC.
        end: micros UTC, exclusive.
        mentions: posts that the platform counted.
        n_windows: windows there are.
        draws: posts and complaints of each window that was drawn.
    """

    start: int
    end: int
    mentions: int
    n_windows: int
    draws: tuple[tuple[int, int], ...]

    @property
    def posts(self) -> int:
        """Posts that were drawn."""
        return sum(posts for posts, _ in self.draws)

    @property
    def complaints(self) -> int:
        """Complaints among them."""
        return sum(complaints for _, complaints in self.draws)

    @property
    def is_whole(self) -> bool:
        """Whether every window was drawn, so that nothing is left to estimate."""
        return len(self.draws) >= self.n_windows

    def scaled(self, share: float) -> float:
        """Complaints at a share of the mentions; those that were found, where all were drawn.

        A platform also counts posts that it no longer gives.
        """
        return float(self.complaints) if self.is_whole else self.mentions * share

    def joined(self, other: Tally) -> Tally:
        """The two taken together."""
        return Tally(
            min(self.start, other.start),
            max(self.end, other.end),
            self.mentions + other.mentions,
            self.n_windows + other.n_windows,
            (*self.draws, *other.draws),
        )


def tallies(
    strata: Sequence[Stratum], drawn: Mapping[tuple[int, int], tuple[int, int]]
) -> list[Tally]:
    """A tally for each stratum.

    Args:
        strata: as planned.
        drawn: posts and complaints by window.
    """
    return [
        Tally(
            stratum.start,
            stratum.end,
            stratum.mentions,
            len(stratum.windows),
            tuple(drawn[window] for window in stratum.windows if window in drawn),
        )
        for stratum in strata
    ]
