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

from miner.detector import evidence as ev
from miner.detector.baseline import Baseline
from miner.detector.ceiling import Ceiling
from miner.detector.episodes import Episode, Piece, Tracker
from miner.detector.horizons import Horizons
from miner.detector.tail import Tail
from miner.detector.talk import Talk

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]

STATES: Final = ("ok", "watch", "outage", "unwatched", "learning")
OK, WATCH, OUTAGE, UNWATCHED, LEARNING = range(5)

BLOCK_MINUTES: Final = 10.0

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
        thresholds: alarm and watch by rate, of :class:`Thresholds`.
        usual: daily score and scale of simulated services by rate; without it the scores
            stay as they are.
    """

    def __init__(
        self,
        n_services: int,
        width: float,
        first_bin: int,
        thresholds: Thresholds,
        usual: Thresholds | None = None,
    ) -> None:
        self.n_services, self.clock = n_services, Clock(first_bin, width)
        self._thresholds, self._usual = thresholds, usual
        block = max(width, BLOCK_MINUTES)
        self.horizons = Horizons(n_services, block)
        self.tail = Tail(n_services, block)
        self._ceiling = Ceiling(n_services, width)
        self._peaks = np.zeros(n_services)
        per_half_day = max(2, round(720 / block))
        self.base = Baseline(n_services, width, per_half_day)
        self.history: deque[Piece] = deque(maxlen=per_half_day + 6)
        self.tracker = Tracker(n_services, width)
        self._evidence = np.zeros((n_services, len(ev.RATIOS)))
        self.talk = Talk(n_services, width)
        self._hour = self._block = -1

    def push(
        self,
        y: Floats,
        coverage: Floats,
        talk: Floats | None = None,
        recoveries: Floats | None = None,
    ) -> Rows:
        """Rows of the next bins.

        Args:
            y: complaints, shape (services, bins); ``nan`` where nobody watched.
            coverage: watched share of each bin, 0 to 1.
            talk: posts that are no complaints (jokes, news, others); ``nan`` is unknown.
            recoveries: posts that say it is back; they help to tell the end.
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
            known = (None if one is None else one[:, here] for one in (talk, recoveries))
            pieces.append(self._piece(y[:, here], coverage[:, here], *known))
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
                self.base.level.close_block(self._block, minutes, self.tracker.active)
                self.talk.age(minutes)
            self._block = block
        if hour != self._hour:
            if self._hour >= 0:
                self.base.close_hour(hour)
                if hour % 24 == 0:
                    self.tail.refit()
            self._hour = hour
            self._open_hour(number)

    def _open_hour(self, number: int) -> None:
        """What stays fixed for an hour: season, noise, caps, thresholds."""
        base = self.base
        self._first_of_hour = number
        self._season = base.open_hour(number)
        self._cap = ev.caps(base.alpha)
        self._alarm, self._watch = self._thresholds(base.rates)
        self._evidence[base.hours == 0] = 0.0
        if self._usual is not None:
            self.tail.set_usual(*self._usual(base.rates))
        typical = np.nan_to_num(self._season.mean(axis=1)) * base.level.ratio
        width = self.clock.width
        phi, alpha = base.noise.phi, base.alpha
        self._ceiling.set_noise(typical, phi, alpha)
        alone = self._ceiling.alone
        top = ev.limit(typical, phi, alpha, self._cap, alone, self._alarm, width)
        self._limit = typical, top

    def _piece(
        self, y: Floats, coverage: Floats, talk: Floats | None, recoveries: Floats | None
    ) -> Rows:
        first = self.clock.bin
        offset = first - self._first_of_hour
        plain = self._season[:, offset : offset + y.shape[1]] * coverage
        calm = plain * self.base.level.ratio[:, None]
        leak = np.zeros_like(calm) if talk is None else self.talk.explained(talk, y, calm)
        mean = calm + leak
        phi, alpha = self.base.noise.phi[:, None], self.base.alpha[:, None]
        llr = ev.ratios_of(y, calm, leak, phi, alpha)
        watched = ~np.isnan(y)
        top = self._ceiling.of(y, mean)
        after = ev.run(self._evidence, llr, watched, self._cap, top, self.clock.width)
        raw = np.maximum(ev.score(after), self.horizons.held[:, None])
        self._gather(y, plain, leak, raw)
        score = self.tail.on_scale(raw)
        state = np.where(score >= self._watch[:, None], WATCH, OK).astype(np.int8)
        back = np.zeros_like(y) if recoveries is None else recoveries
        piece = Piece(first, y, calm, llr, top, back)
        self.history.append(piece)
        crossed = (score >= self._alarm[:, None]) & watched & ~np.isnan(mean)
        for service in np.flatnonzero(self.tracker.active | crossed.any(axis=1)).tolist():
            self._follow(service, piece, after, score, state)
        self.base.learn(first, (y, coverage), plain, (mean, leak), score, state == OUTAGE)
        state[np.isnan(mean) | ((state != OUTAGE) & self.base.cold[:, None])] = LEARNING
        state[~watched] = UNWATCHED
        upper = self._upper(mean)
        hidden = ~watched | np.isnan(mean)
        return Rows(
            np.where(watched, calm, np.nan),
            np.where(watched, upper, np.nan),
            np.where(hidden, np.nan, score),
            state,
        )

    def _gather(self, y: Floats, plain: Floats, leak: Floats, raw: Floats) -> None:
        """Sums for the slow evidence, which the last bin of a block has too; and the peaks."""
        known = ~(np.isnan(y + plain) | self.tracker.active[:, None])
        self.horizons.add(np.where(known, np.stack([y, plain, leak]), 0.0).sum(axis=2))
        number = self.clock.bin + y.shape[1]
        ends = self.clock.block(number) != self._block
        if ends:
            calm = ~(self.base.cold | self.tracker.active)
            self.horizons.close_block(self._block, self.base.level.ratio, self.base.noise.phi, calm)
            raw[:, -1] = np.maximum(raw[:, -1], self.horizons.held)
        self._peaks = np.maximum(self._peaks, np.where(known, raw, 0.0).max(axis=1))
        if ends:
            self.tail.add(self._peaks, calm & known.any(axis=1))
            self._peaks = np.zeros(self.n_services)

    def _upper(self, mean: Floats) -> Floats:
        """The limit of each bin: exact for a typical bin of the hour, scaled to the others."""
        typical, top = self._limit
        scale = np.sqrt(mean / np.maximum(typical, 1e-9)[:, None])
        upper: Floats = mean + (top - typical)[:, None] * scale
        return upper

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
                fresh = np.zeros((1, len(ev.RATIOS)))
                rest = slice(at, n_bins)
                after[service, rest] = ev.run(
                    fresh,
                    piece.llr[service : service + 1, rest],
                    ~np.isnan(piece.y[service : service + 1, rest]),
                    self._cap[service : service + 1],
                    piece.top[service : service + 1, rest],
                    self.clock.width,
                )
                self._evidence[service] = fresh[0]
                self.horizons.restart(service)
                score[service, rest] = self.tail.on_scale(ev.score(after))[service, rest]
            else:
                over = (score[service, at:] >= self._alarm[service]) & ~np.isnan(
                    piece.y[service, at:]
                )
                if not over.any():
                    return
                at += int(np.argmax(over))
                began = self.tracker.begin(service, piece, at, self)
                self.base.level.go_back(service, self.clock.block(began))
                state[service, at] = OUTAGE
                at += 1

    def noise_of(self, service: int) -> tuple[float, float]:
        """The noise of a service as it is now: phi and alpha."""
        return float(self.base.noise.phi[service]), float(self.base.alpha[service])
