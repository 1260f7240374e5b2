"""What is expected of a service: season times level, with its noise, learned by the hour."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from miner.detector import season
from miner.detector.level import Level
from miner.detector.noise import Noise

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Evidence from which on a bin is hardly taken as normal.
_NORMAL: Final = 8.0
#: Hours of history: flat season before the first, wide limits before each.
_COLD: Final = ((36, 0.15), (168, 0.05), (336, 0.02))
_LEAST_EXPOSURE: Final = 0.2


class Baseline:
    """Season, level and noise of a number of services.

    Args:
        n_services: how many.
        width: of a bin, in minutes.
        kept_blocks: how many blocks the level can go back.

    Attributes:
        alpha: slow noise, wider while the history is short.
        cold: services with too little history for a season.
        hours: watched hours of the last four weeks.
        rates: complaints a minute; 1 where not known yet.
    """

    def __init__(self, n_services: int, width: float, kept_blocks: int) -> None:
        self.noise = Noise(n_services)
        self.level = Level(n_services, kept_blocks)
        self.alpha = self.noise.alpha
        self.cold = np.ones(n_services, dtype=bool)
        self.hours = np.zeros(n_services, dtype=np.int64)
        self.rates = np.ones(n_services)
        self._width = width
        self._sums = np.zeros((n_services, season.HOURS))
        self._exposure = np.zeros((n_services, season.HOURS))
        self._this_hour = np.zeros((2, n_services))
        self._bins: list[tuple[Floats, Floats, int]] = []
        self._beta = np.zeros((n_services, season.COLUMNS))

    def close_hour(self, hour: int) -> None:
        """Learn the hour before this one; by night the noise and the season of all."""
        if self._bins:
            halves = np.concatenate([np.full(y.shape[1], half) for y, _, half in self._bins])
            y, mean = (np.concatenate([b[i] for b in self._bins], axis=1) for i in (0, 1))
            self.noise.add(y, mean, halves, hour - 1)
            self._bins = []
        for ring, value in ((self._sums, 0), (self._exposure, 1)):
            ring[:, :-1] = ring[:, 1:].copy()
            ring[:, -1] = self._this_hour[value]
        self._this_hour = np.zeros_like(self._this_hour)
        self.hours = (self._exposure >= _LEAST_EXPOSURE).sum(axis=1)
        young = (self.hours > 0) & (self.hours <= _COLD[0][0] + 12)
        if hour % 24 == 0:
            self.noise.refit()
            self._fit(self.hours > 0, hour)
        elif young.any():
            self._fit(young, hour)

    def _fit(self, which: Flags, hour: int) -> None:
        if not which.any():  # nothing was watched of any service yet
            return
        beta = season.fit(self._sums[which], self._exposure[which], hour - 1, self._beta[which])
        # The level is relative to the season: a new season starts from the same mean.
        self._beta[which] = beta
        week = season.design(np.arange(168, dtype=np.float64) * 60.0 + hour * 60.0)
        self.rates[which] = np.exp(beta @ week.T).mean(axis=1) / 60.0
        self.noise.set_rates(self.rates)

    def open_hour(self, number: int) -> Floats:
        """The season of the bins of an hour, from its first bin on; noise and level ready."""
        n_bins = max(1, int(np.ceil(60 / self._width)))
        minutes = (number + np.arange(n_bins + 1, dtype=np.float64) + 0.5) * self._width
        expected = np.exp(self._beta @ season.design(minutes).T) * (self._width / 60)
        expected[self.hours == 0] = np.nan
        self.cold = self.hours < _COLD[0][0]
        extra = np.zeros(len(self.hours))
        for limit, more in reversed(_COLD):
            extra[self.hours < limit] = more
        seen = (self._sums * (self._exposure > 0)).sum(axis=1)
        self.alpha = self.noise.alpha + extra + 1.0 / (seen + 1.0)
        self.level.set_rates(self.rates, self.cold)
        return expected

    def learn(
        self,
        number: int,
        counts: tuple[Floats, Floats],
        season_: Floats,
        means: tuple[Floats, Floats],
        score: Floats,
        outage: Flags,
    ) -> None:
        """Feed level, season and noise with what looks normal, clipped.

        Args:
            number: of the first bin.
            counts: complaints and coverage, shape (services, bins) each.
            season_: of the bins, times the coverage.
            means: expected complaints, and the part of them that talk explains.
            score: of the bins.
            outage: bins in an outage.
        """
        (y, coverage), (mean, leak) = counts, means
        both = y + mean
        usable = ~np.isnan(both)
        weight = usable / (1 + np.exp(np.minimum(score - _NORMAL, 30)))
        weight[outage] = 0.0
        # In a burst of talk nobody knows how many of the complaints are real.
        weight[leak > 0.3 * mean + 1.0] = 0.0
        phi, alpha = self.noise.phi[:, None], self.alpha[:, None]
        most = mean + 3 * np.sqrt(phi * mean + alpha * mean**2) + 1
        clipped = np.where(usable, np.minimum(y, most), 0.0)
        expected = np.where(usable, season_, 0.0)
        self.level.add((weight * clipped).sum(axis=1), (weight * expected).sum(axis=1))
        # A service in its first hour has no mean yet; its counts found the season.
        new = np.isnan(mean) & ~np.isnan(y)
        trust = np.where(new, 1.0, weight)
        self._this_hour[0] += (trust * np.where(new, y, clipped)).sum(axis=1)
        self._this_hour[1] += (trust * coverage).sum(axis=1) * self._width / 60
        half = int(number * self._width // 30)
        self._bins.append((np.where(weight > 0.5, y, np.nan), mean, half))
