"""The online detector: counts of many services in, bin by bin; rows and outages out.

Everything known about a bin comes from that bin and earlier ones. Time is cut into
blocks of ten minutes and hours counted from 1970, never from the start of the data, so
that a longer series gives the same rows. Within a block the level is fixed; between
blocks it learns; every hour and night the season and the noise do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from miner.detector import evidence as ev
from miner.detector import season
from miner.detector.episodes import Episode, Piece, Tracker
from miner.detector.level import Level
from miner.detector.noise import Noise

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]

STATES: Final = ("ok", "watch", "outage", "unwatched", "learning")
OK, WATCH, OUTAGE, UNWATCHED, LEARNING = range(5)

BLOCK_MINUTES: Final = 10.0
#: Talk (jokes, news) of which this many complaints a post may be mislabelled ones.
LEAK: Final = 0.35
_LEAK_MINUTES: Final = 10.0
_TALK_HALF_LIFE: Final = 2880.0
#: Evidence from which on a bin is hardly taken as normal.
_NORMAL: Final = 8.0
#: Hours of history: flat season before the first, wide limits before each.
_COLD: Final = ((36, 0.15), (168, 0.05), (336, 0.02))

#: Thresholds of alarm and watch for services of these rates (complaints a minute).
Thresholds = Callable[[Floats], tuple[Floats, Floats]]


class Rows(NamedTuple):
    """Published columns, shape (services, bins); ``nan`` where undefined."""

    expected: Floats
    upper: Floats
    score: Floats
    state: Codes


@dataclass
class Clock:
    """Number of the next bin since 1970, and the width of a bin in minutes."""

    bin: int
    width: float

    def block(self, number: int) -> int:
        """Number of the block that holds a bin."""
        return number if self.width >= BLOCK_MINUTES else int(number * self.width // BLOCK_MINUTES)

    def hour(self, number: int) -> int:
        """Number of the hour that holds a bin."""
        return int(number * self.width // 60)


class Engine:
    """State of the detector for a number of services.

    Args:
        n_services: how many, in a fixed order.
        width: of a bin, in minutes, up to 60.
        first_bin: number of the first bin, counted in widths since 1970-01-01 UTC.
        thresholds: of :class:`Thresholds`.
    """

    def __init__(
        self, n_services: int, width: float, first_bin: int, thresholds: Thresholds
    ) -> None:
        self.n_services, self.clock, self._thresholds = (
            n_services,
            Clock(first_bin, width),
            thresholds,
        )
        per_half_day = max(2, round(720 / max(width, BLOCK_MINUTES)))
        self.noise = Noise(n_services)
        self.level = Level(n_services, per_half_day)
        self.history: deque[Piece] = deque(maxlen=per_half_day + 6)
        self.tracker = Tracker(n_services, width)
        self._evidence = np.full((n_services, len(ev.RATIOS)), -np.inf)
        self._sums = np.zeros((n_services, season.HOURS))
        self._exposure = np.zeros((n_services, season.HOURS))
        self._this_hour = np.zeros((2, n_services))
        self._hour_bins: list[tuple[Floats, Floats, int]] = []
        self._beta = np.zeros((n_services, season.COLUMNS))
        self._rates = np.full(n_services, np.nan)
        self._talk = np.full((2, n_services), 1e-3)
        self._talk_now = np.zeros(n_services)
        self._hour = self._block = -1

    def push(self, y: Floats, coverage: Floats, talk: Floats | None = None) -> Rows:
        """Rows of the next bins.

        Args:
            y: complaints, shape (services, bins); ``nan`` where nobody watched.
            coverage: watched share of each bin, 0 to 1.
            talk: posts that are no complaints (jokes, news, others); ``nan`` is unknown.
        """
        n_bins = y.shape[1]
        y = np.where(coverage > 0, y, np.nan)
        pieces, at = [], 0
        while at < n_bins:
            number = self.clock.bin
            self._turn(number)
            until = at + 1
            while until < n_bins and self.clock.block(number + until - at) == self._block:
                until += 1
            here = slice(at, until)
            pieces.append(
                self._piece(y[:, here], coverage[:, here], None if talk is None else talk[:, here])
            )
            self.clock.bin += until - at
            at = until
        return Rows(*(np.concatenate(parts, axis=1) for parts in zip(*pieces, strict=True)))

    def outages(self) -> list[Episode]:
        """Outages so far, in order of their alarms; the last of a service may last."""
        return self.tracker.episodes

    def _turn(self, number: int) -> None:
        """Close the block, the hour and the day before this bin, if it begins new ones."""
        block, hour = self.clock.block(number), self.clock.hour(number)
        if block != self._block:
            if self._block >= 0:
                minutes = max(self.clock.width, BLOCK_MINUTES)
                self.level.close_block(self._block, minutes, self.tracker.active)
                self._talk *= 0.5 ** (minutes / _TALK_HALF_LIFE)
            self._block = block
        if hour != self._hour:
            if self._hour >= 0:
                self._close_hour(hour)
            self._hour = hour
            self._open_hour(number)

    def _close_hour(self, hour: int) -> None:
        if self._hour_bins:
            halves = np.concatenate([np.full(y.shape[1], half) for y, _, half in self._hour_bins])
            y, mean = (np.concatenate([b[i] for b in self._hour_bins], axis=1) for i in (0, 1))
            self.noise.add(y, mean, halves, hour - 1)
            self._hour_bins = []
        for ring, value in ((self._sums, 0), (self._exposure, 1)):
            ring[:, :-1] = ring[:, 1:].copy()
            ring[:, -1] = self._this_hour[value]
        self._this_hour = np.zeros_like(self._this_hour)
        hours = (self._exposure >= 0.2).sum(axis=1)
        young = (hours > 0) & (hours <= _COLD[0][0] + 12)
        if hour % 24 == 0:
            self.noise.refit()
            self._fit(hours > 0, hour)
        elif young.any():
            self._fit(young, hour)

    def _fit(self, which: NDArray[np.bool_], hour: int) -> None:
        beta = season.fit(self._sums[which], self._exposure[which], hour - 1, self._beta[which])
        # The level is relative to the season: a new season starts from the same mean.
        self._beta[which] = beta
        week = season.design(np.arange(168, dtype=np.float64) * 60.0 + hour * 60.0)
        self._rates[which] = np.exp(beta @ week.T).mean(axis=1) / 60.0
        self.noise.set_rates(np.nan_to_num(self._rates, nan=1.0))

    def _open_hour(self, number: int) -> None:
        """What stays fixed for an hour: season, noise, caps, thresholds."""
        n_bins = max(1, int(np.ceil(60 / self.clock.width)))
        self._first_of_hour = number
        bins = np.arange(n_bins + 1, dtype=np.float64)
        minutes = (number + bins + 0.5) * self.clock.width
        self._season = np.exp(self._beta @ season.design(minutes).T) * (self.clock.width / 60)
        hours = (self._exposure >= 0.2).sum(axis=1)
        self._season[hours == 0] = np.nan
        self._cold = hours < _COLD[0][0]
        extra = np.select([hours < limit for limit, _ in _COLD], [more for _, more in _COLD], 0.0)
        seen = (self._sums * (self._exposure > 0)).sum(axis=1)
        self._alpha = self.noise.alpha + extra + 1.0 / (seen + 1.0)
        self._cap = ev.caps(self._alpha)
        self.level.set_rates(np.nan_to_num(self._rates, nan=1.0), self._cold)
        self._alarm, self._watch = self._thresholds(np.nan_to_num(self._rates, nan=1.0))
        self._evidence[hours == 0] = -np.inf
        typical = np.nan_to_num(self._season.mean(axis=1)) * self.level.ratio
        top = ev.limit(
            typical, self.noise.phi, self._alpha, self._cap, self._alarm, self.clock.width
        )
        self._limit = typical, top

    def _piece(self, y: Floats, coverage: Floats, talk: Floats | None) -> Rows:
        first = self.clock.bin
        offset = first - self._first_of_hour
        plain = self._season[:, offset : offset + y.shape[1]] * coverage
        calm = plain * self.level.ratio[:, None]
        leak = np.zeros_like(calm) if talk is None else self._leak(talk, calm)
        mean = calm + leak
        phi, alpha = self.noise.phi[:, None], self._alpha[:, None]
        llr = ev.ratios_of(y, calm, leak, phi, alpha)
        watched = ~np.isnan(y)
        after = ev.run(self._evidence, llr, watched, self._cap, self.clock.width)
        score = ev.score(after)
        state = np.where(score >= self._watch[:, None], WATCH, OK).astype(np.int8)
        piece = Piece(first, y, calm, llr)
        self.history.append(piece)
        crossed = (score >= self._alarm[:, None]) & watched & ~np.isnan(mean)
        for service in np.flatnonzero(self.tracker.active | crossed.any(axis=1)).tolist():
            self._follow(service, piece, after, score, state)
        self._learn(y, coverage, plain, mean, leak, score, state)
        state[np.isnan(mean) | ((state != OUTAGE) & self._cold[:, None])] = LEARNING
        state[~watched] = UNWATCHED
        upper = self._upper(mean)
        hidden = ~watched | np.isnan(mean)
        return Rows(
            np.where(watched, calm, np.nan),
            np.where(watched, upper, np.nan),
            np.where(hidden, np.nan, score),
            state,
        )

    def _upper(self, mean: Floats) -> Floats:
        """The limit of each bin: exact for a typical bin of the hour, scaled to the others."""
        typical, top = self._limit
        scale = np.sqrt(mean / np.maximum(typical, 1e-9)[:, None])
        upper: Floats = mean + (top - typical)[:, None] * scale
        return upper

    def _leak(self, talk: Floats, calm: Floats) -> Floats:
        """Complaints that talk above its usual share of the expected level explains."""
        usual = calm * (self._talk[0] / self._talk[1])[:, None]
        known = np.where(np.isnan(talk) | np.isnan(usual), 0.0, talk)
        usual = np.nan_to_num(usual)
        keep = np.exp(-self.clock.width / _LEAK_MINUTES)
        smooth, last = lfilter(
            [1 - keep], [1.0, -keep], known - usual, axis=1, zi=(keep * self._talk_now)[:, None]
        )
        self._talk_now = last[:, 0] / keep if keep else last[:, 0]
        at_most = np.minimum(known, 5 * usual + 3)
        self._talk += np.stack([at_most.sum(axis=1), np.nan_to_num(calm).sum(axis=1)])
        leak: Floats = LEAK * np.maximum(np.maximum(known - usual, smooth), 0.0)
        return leak

    def _follow(
        self, service: int, piece: Piece, after: Floats, score: Floats, state: Codes
    ) -> None:
        """Follow one service through a block in which it has, or gets, an outage."""
        at = 0
        n_bins = piece.y.shape[1]
        while at < n_bins:
            if self.tracker.active[service]:
                ended = self.tracker.follow(service, piece, at, self)
                state[service, at : n_bins if ended is None else ended + 1] = OUTAGE
                if ended is None:
                    return
                at = ended + 1
                fresh = np.full((1, len(ev.RATIOS)), -np.inf)
                rest = slice(at, n_bins)
                after[service, rest] = ev.run(
                    fresh,
                    piece.llr[service : service + 1, rest],
                    ~np.isnan(piece.y[service : service + 1, rest]),
                    self._cap[service : service + 1],
                    self.clock.width,
                )
                self._evidence[service] = fresh[0]
                score[service, rest] = ev.score(after[service, rest])
            else:
                over = (score[service, at:] >= self._alarm[service]) & ~np.isnan(
                    piece.y[service, at:]
                )
                if not over.any():
                    return
                at += int(np.argmax(over))
                began = self.tracker.begin(service, piece, at, self)
                self.level.go_back(service, self.clock.block(began))
                state[service, at] = OUTAGE
                at += 1

    def noise_of(self, service: int) -> tuple[float, float]:
        """The noise of a service as it is now: phi and alpha."""
        return float(self.noise.phi[service]), float(self._alpha[service])

    def _learn(
        self,
        y: Floats,
        coverage: Floats,
        plain: Floats,
        mean: Floats,
        leak: Floats,
        score: Floats,
        state: Codes,
    ) -> None:
        """Feed level, season and noise with what looks normal, clipped."""
        usable = ~np.isnan(y) & ~np.isnan(mean)
        weight = usable / (1 + np.exp(np.clip(score - _NORMAL, -30, 30)))
        weight[state == OUTAGE] = 0.0
        phi, alpha = self.noise.phi[:, None], self._alpha[:, None]
        sd = np.sqrt(phi * mean + alpha * mean**2)
        clipped = np.where(usable, np.minimum(y, mean + 3 * sd + 1), 0.0)
        # In a burst of talk nobody knows how many of the complaints are real.
        weight[leak > 0.3 * mean + 1.0] = 0.0
        self.level.add(
            (weight * clipped).sum(axis=1), (weight * np.where(usable, plain, 0.0)).sum(axis=1)
        )
        # A service in its first hour has no mean yet; its counts found the season.
        new = np.isnan(mean) & ~np.isnan(y)
        trust = np.where(new, 1.0, weight)
        counts = np.where(new, np.nan_to_num(y), clipped)
        self._this_hour[0] += (trust * counts).sum(axis=1)
        self._this_hour[1] += (trust * coverage).sum(axis=1) * self.clock.width / 60
        normal = np.where(weight > 0.5, y, np.nan)
        half = int(self.clock.bin * self.clock.width // 30)
        self._hour_bins.append((normal, mean, half))
