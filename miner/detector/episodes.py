"""Outages as they run: raised, followed bin by bin, called over, perhaps taken up again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from miner.detector import timing
from miner.detector.evidence import ratios_of

Floats = NDArray[np.float64]

#: Evidence for normality at which an outage is called over, in nats.
_END_EVIDENCE: Final = 5.0
#: The ratio a recovery is told from: this, or more where complaints are too few for it.
_END_RATIO: Final = 4.0
_END_RATE: Final = 0.3
_LEAST_RATIO: Final = 2.0
#: Recoveries among complaints and recoveries while an outage lasts, and once it is over.
_LASTING, _OVER = 0.05, 0.4
#: An alarm so soon after the call of the end takes the same outage up again.
MERGE_MINUTES: Final = 60.0
#: The onset is looked for in so many minutes, and dated again this long after the alarm.
_ONSET_MINUTES: Final = 360.0
_SETTLED_MINUTES: Final = 30.0
#: After three days the new level is the normal one.
_LONGEST_MINUTES: Final = 4320.0


class Piece(NamedTuple):
    """Part of a block: number of its first bin, counts, expected counts, evidence, its ceiling."""

    first: int
    y: Floats
    mean: Floats
    llr: Floats
    top: Floats
    recoveries: Floats


class Home(Protocol):
    """What following an outage needs of the engine."""

    history: deque[Piece]

    def noise_of(self, service: int) -> tuple[float, float]:
        """The noise of a service: phi and alpha."""


@dataclass
class Episode:
    """One outage; times in bins since 1970, fractions of bins for estimates.

    ``raised`` is the bin that alarmed. ``ended`` is the bin at which the end was called,
    ``end`` when it was; both are None while the outage lasts.
    """

    service: int
    raised: int
    onset: timing.Estimate
    complaints: float = 0.0
    expected: float = 0.0
    peak: float = 0.0
    peak_at: int = 0
    ended: int | None = None
    end: timing.Estimate | None = None
    settled: bool = False
    best: float = 1.0
    _calm: float = field(default=0.0, repr=False)

    @property
    def ratio(self) -> float:
        """Complaints over what was expected without an outage."""
        return (self.complaints + 0.5) / (self.expected + 0.5)

    def count(self, at: int, y: float, mean: float) -> None:
        """Add a watched bin."""
        self.complaints += y
        self.expected += mean
        self.best = max(self.best, self.ratio)
        if y > self.peak:
            self.peak, self.peak_at = y, at


def recovery(y: Floats, recoveries: Floats) -> Floats:
    """Evidence of each bin that people say it is back: a likelihood ratio of binomials.

    Some posts are taken for recoveries by mistake while an outage lasts, a twentieth at most;
    once it is over they are nearly as many as the complaints that trail behind.
    """
    back, down = np.log(_OVER / _LASTING), np.log((1 - _OVER) / (1 - _LASTING))
    found: Floats = np.nan_to_num(recoveries) * back + np.nan_to_num(y) * down
    return np.where(np.nan_to_num(recoveries) > 0, found, 0.0)


class Tracker:
    """The outages of all services."""

    def __init__(self, n_services: int, width: float) -> None:
        self.active = np.zeros(n_services, dtype=bool)
        self.episodes: list[Episode] = []
        self._last: list[Episode | None] = [None] * n_services
        self._width = width

    def _bins(self, minutes: float) -> int:
        return max(1, round(minutes / self._width))

    def begin(self, service: int, piece: Piece, at: int, home: Home) -> int:
        """Raise the alarm of a service in bin ``at`` of a piece; returns the onset's bin."""
        now = piece.first + at
        last = self._last[service]
        self.active[service] = True
        since = now - self._bins(_ONSET_MINUTES)
        if last is not None and last.ended is not None:
            if now - last.ended <= self._bins(MERGE_MINUTES):
                for number, y, mean in self._bins_of(service, last.ended + 1, now + 1, home):
                    last.count(number, y, mean)
                last.ended = last.end = None
                last._calm = 0.0  # noqa: SLF001 - its own record
                return int(last.onset.low)
            since = max(since, last.ended + 1)
        episode = Episode(service, now, self._date(service, since, now + 1, home))
        for number, y, mean in self._bins_of(service, int(episode.onset.at), now + 1, home):
            episode.count(number, y, mean)
        self._last[service] = episode
        self.episodes.append(episode)
        return int(episode.onset.low) - 1

    def follow(self, service: int, piece: Piece, at: int, home: Home) -> int | None:
        """Follow an outage from bin ``at`` of a piece; returns the bin that ended it."""
        episode = self._last[service]
        if episode is None:  # pragma: no cover - an active service has one
            return None
        y, mean = piece.y[service, at:], piece.mean[service, at:]
        phi, alpha = home.noise_of(service)
        least = max(_END_RATIO, _END_RATE * self._width / max(float(np.nanmean(mean)), 1e-9))
        ratio = max(_LEAST_RATIO, min(np.sqrt(max(episode.best, 1.0)), least))
        noise = np.full(1, phi), np.full(1, alpha)
        calm = -ratios_of(y, mean, np.zeros_like(mean), *noise, np.full(1, ratio))[:, 0]
        calm += recovery(y, piece.recoveries[service, at:])
        for offset in range(len(y)):
            number = piece.first + at + offset
            if not np.isnan(y[offset]):
                episode.count(number, float(y[offset]), float(mean[offset]))
                episode._calm = max(0.0, episode._calm + float(calm[offset]))  # noqa: SLF001
            if not episode.settled and number - episode.raised >= self._bins(_SETTLED_MINUTES):
                self._settle(episode, number, home)
            too_long = number - episode.raised >= self._bins(_LONGEST_MINUTES)
            if episode._calm >= _END_EVIDENCE or too_long:  # noqa: SLF001
                self._finish(episode, number, home)
                return at + offset
        return None

    def _settle(self, episode: Episode, now: int, home: Home) -> None:
        """Date the onset again with what came after the alarm."""
        since = episode.raised - self._bins(_ONSET_MINUTES)
        before = [e.ended for e in self.episodes if e.service == episode.service and e.ended]
        since = max([since, *(ended + 1 for ended in before if ended < episode.raised)])
        episode.onset = self._date(episode.service, since, now + 1, home)
        episode.settled = True

    def _finish(self, episode: Episode, now: int, home: Home) -> None:
        if not episode.settled:
            self._settle(episode, now, home)
        self.active[episode.service] = False
        first = int(episode.onset.at)
        y, mean, start = self._arrays(episode.service, first, now + 1, home)
        phi, alpha = home.noise_of(episode.service)
        found = timing.end(y, mean, phi, alpha, self._width)
        episode.ended = now
        episode.end = timing.Estimate(*(start + value for value in found))

    def _date(self, service: int, since: int, until: int, home: Home) -> timing.Estimate:
        y, mean, first = self._arrays(service, since, until, home)
        llr, _, _ = self._known(service, "llr", since, until, home)
        phi, alpha = home.noise_of(service)
        found = timing.onset(y, mean, llr, phi, alpha, self._width)
        return timing.Estimate(*(first + value for value in found))

    def _known(
        self, service: int, what: str, since: int, until: int, home: Home
    ) -> tuple[Floats, int, int]:
        """A part of the pieces that are still known, with its first and last bin."""
        pieces = [p for p in home.history if p.first + p.y.shape[1] > since and p.first < until]
        first = pieces[0].first
        joined = np.concatenate([getattr(p, what)[service] for p in pieces])
        return joined[max(0, since - first) : until - first], max(first, since), until

    def _arrays(
        self, service: int, since: int, until: int, home: Home
    ) -> tuple[Floats, Floats, int]:
        """Counts, expected counts and the number of the first bin of what is still known."""
        y, first, _ = self._known(service, "y", since, until, home)
        mean, _, _ = self._known(service, "mean", since, until, home)
        return y, mean, first

    def _bins_of(
        self, service: int, since: int, until: int, home: Home
    ) -> list[tuple[int, float, float]]:
        y, mean, first = self._arrays(service, since, until, home)
        return [
            (first + i, float(y[i]), float(mean[i]))
            for i in np.flatnonzero(~np.isnan(y + mean)).tolist()
        ]
