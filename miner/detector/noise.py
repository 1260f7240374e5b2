"""The noise of counts around what was expected of them: phi and alpha of each service.

A count of mean m has the variance ``phi m + alpha m²``: phi from posts that cluster,
alpha from an intensity that wanders. One bin cannot tell the two apart at a quiet
service, so they are measured at two widths: squared errors of single bins, and of longer
spans, in which the wandering adds up and the clustering does not: half an hour, or as many
hours as a quieter service needs for a dozen complaints.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_PHI: Final = 1.3
_ALPHA: Final = 0.04
_HALF_LIFE_DAYS: Final = 14.0
#: Prior weights: complaints seen for phi; complaints a half hour for alpha.
_PHI_WEIGHT: Final = 200.0
_ALPHA_WEIGHT: Final = 5.0
_HALF_HOUR_RATE, _TWO_HOUR_RATE = 0.4, 0.1
#: Squared errors beyond four deviations are outages, not noise.
_CLIP: Final = 16.0


class Noise:
    """phi and alpha of each service, from its discounted sums of squared errors."""

    def __init__(self, n_services: int) -> None:
        # Rows: squared errors, sums of m and of m², of bins and of half hours.
        self._sums = np.zeros((6, n_services))
        self._span = np.zeros((2, n_services))
        self._hours = np.ones(n_services, dtype=np.int64)
        self.phi = np.full(n_services, _PHI)
        self.alpha = np.full(n_services, _ALPHA)

    def set_rates(self, rates: Floats) -> None:
        """Spans for services of these rates (complaints a minute)."""
        self._hours = np.select([rates >= _HALF_HOUR_RATE, rates >= _TWO_HOUR_RATE], [0, 2], 6)

    def add(self, y: Floats, mean: Floats, half: NDArray[np.int64], hour: int) -> None:
        """Add the normal bins of an hour; ``nan`` where a bin is not to be used.

        ``half`` numbers the half hour of each bin; ``hour`` the hour since 1970.
        """
        used = ~np.isnan(y) & ~np.isnan(mean)
        m = np.where(used, mean, 0.0)
        error = np.where(used, y, 0.0) - m
        self._add(0, error, m)
        edges = np.flatnonzero(np.diff(half, prepend=half[0] - 1))
        short = (self._hours == 0)[:, None]
        halves = (np.add.reduceat(v, edges, axis=1) * short for v in (error, m))
        self._add(3, *halves)
        self._span += np.stack([error.sum(axis=1), m.sum(axis=1)])
        full = (hour + 1) % np.maximum(self._hours, 1) == 0
        self._add(3, *(v[:, None] * (full & (self._hours > 0))[:, None] for v in self._span))
        self._span[:, full] = 0.0

    def _add(self, row: int, error: Floats, expected: Floats) -> None:
        variance = self.phi[:, None] * expected + self.alpha[:, None] * expected**2
        most = _CLIP * variance + 12.0 * (variance > 0)
        self._sums[row] += np.minimum(error**2, most).sum(axis=1)
        self._sums[row + 1] += expected.sum(axis=1)
        self._sums[row + 2] += (expected**2).sum(axis=1)

    def refit(self) -> None:
        """Estimate phi and alpha again, once a day."""
        e1, m1, q1, e2, m2, q2 = self._sums
        share = np.divide(m2, m1, out=np.ones_like(m1), where=m1 > 0)
        beyond = np.maximum(q2 - q1 * share, 0.0)
        prior = _ALPHA_WEIGHT * m2 + 1e-9
        alpha = (np.maximum(e2 - e1 * share, 0.0) + _ALPHA * prior) / (beyond + prior)
        self.alpha = np.clip(alpha, 0.01, 0.5)
        phi = (np.maximum(e1 - self.alpha * q1, 0) + _PHI * _PHI_WEIGHT) / (m1 + _PHI_WEIGHT)
        self.phi = np.clip(phi, 1.05, 100.0)
        self._sums *= 0.5 ** (1.0 / _HALF_LIFE_DAYS)
