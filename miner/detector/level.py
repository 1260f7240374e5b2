"""The level: how far complaints are off their season right now, service by service.

The ratio of complaints to the season over the recent past, with a gamma prior of
``PRIOR`` complaints at ratio 1. Old complaints count less, with a half-life that gives
every service about as many complaints to learn from.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PRIOR: Final = 20.0
#: Half-life in minutes: about 100 complaints, within these bounds.
_COMPLAINTS: Final = 100.0
_SHORTEST, _LONGEST, _LONGEST_COLD = 120.0, 4320.0, 180.0


class Level:
    """Discounted sums of counts and of what the season expected.

    Blocks are learned with a delay of one block, so that the first minutes of an outage
    are judged before they are learned; on an alarm the level goes back to what it was
    at the onset.
    """

    def __init__(self, n_services: int, kept_blocks: int) -> None:
        self.a = np.zeros(n_services)
        self.b = np.zeros(n_services)
        self.half_life = np.full(n_services, _SHORTEST)
        self._pending = np.zeros((2, n_services))
        self._ready = np.zeros((2, n_services))
        self._past: deque[tuple[int, Floats, Floats]] = deque(maxlen=kept_blocks)

    def set_rates(self, rates: Floats, cold: NDArray[np.bool_]) -> None:
        """Half-lives for services of these rates (complaints a minute)."""
        longest = np.where(cold, _LONGEST_COLD, _LONGEST)
        self.half_life = np.clip(_COMPLAINTS / np.maximum(rates, 1e-6), _SHORTEST, longest)

    @property
    def ratio(self) -> Floats:
        """Level of each service as a multiple of its season."""
        ratio: Floats = (self.a + PRIOR) / (self.b + PRIOR)
        return ratio

    def add(self, counts: Floats, season: Floats) -> None:
        """Sums over bins of the block that runs: counts and season, weighted."""
        self._pending[0] += counts
        self._pending[1] += season

    def close_block(self, number: int, minutes: float, frozen: NDArray[np.bool_]) -> None:
        """Learn the block before the one that just ended."""
        self._past.append((number, self.a.copy(), self.b.copy()))
        keep = 0.5 ** (minutes / self.half_life)
        keep[frozen] = 1.0
        self.a = self.a * keep + self._ready[0]
        self.b = self.b * keep + self._ready[1]
        self._ready, self._pending = self._pending, np.zeros_like(self._pending)

    def go_back(self, service: int, number: int) -> None:
        """The level of a service as it was when the block of this number ended."""
        for past, a, b in reversed(self._past):
            self.a[service], self.b[service] = a[service], b[service]
            if past <= number:
                break
        self._ready[:, service] = self._pending[:, service] = 0.0

    def restart(self, service: int, ratio: float = 1.0) -> None:
        """Take a ratio as the level of a service, as if 20 complaints had shown it."""
        self.a[service], self.b[service] = ratio * PRIOR + (ratio - 1) * PRIOR, PRIOR
        self._ready[:, service] = self._pending[:, service] = 0.0
