"""Outages as they run: raised, followed bin by bin, called over, perhaps taken up again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from miner.detector import timing
from miner.detector.evidence import one_ratio

Floats = NDArray[np.float64]

#: Evidence for normality at which an outage is called over, in nats.
_END_EVIDENCE: Final = 5.0
#: The ratio a recovery is told from: this, or more where complaints are too few for it.
_END_RATIO: Final = 3.0
_END_RATE: Final = 0.3
#: An alarm so soon after the call of the end takes the same outage up again.
MERGE_MINUTES: Final = 60.0
#: The onset is looked for in so many minutes, and dated again this long after the alarm.
_ONSET_MINUTES: Final = 360.0
_SETTLED_MINUTES: Final = 30.0
#: After three days the new level is the normal one.
_LONGEST_MINUTES: Final = 4320.0


class Piece(NamedTuple):
    """Part of a block: number of its first bin, counts, expected counts, evidence."""

    first: int
    y: Floats
    mean: Floats
    llr: Floats


class Home(Protocol):
    """What following an outage needs of the engine."""

    history: object

    def noise_of(self, service: int) -> tuple[float, float]:
        """phi and alpha of a service."""


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
    _calm: float = field(default=0.0, repr=False)

    @property
    def ratio(self) -> float:
        """Complaints over what was expected without an outage."""
        return (self.complaints + 0.5) / (self.expected + 0.5)

    def count(self, at: int, y: float, mean: float) -> None:
        """Add a watched bin."""
        self.complaints += y
        self.expected += mean
        if y > self.peak:
            self.peak, self.peak_at = y, at


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
        if last is not None and last.ended is not None:
            if now - last.ended <= self._bins(MERGE_MINUTES):
                for number, y, mean in self._bins_of(service, last.ended + 1, now + 1, home):
                    last.count(number, y, mean)
                last.ended = last.end = None
                last._calm = 0.0  # noqa: SLF001 - its own record
                return int(last.onset.low)
        since = now - self._bins(_ONSET_MINUTES)
        if last is not None and last.ended is not None:
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
        ratio = max(1.25, min(np.sqrt(max(episode.ratio, 1.0)), least))
        size = np.maximum(mean / (phi - 1 + alpha * mean), 1e-6)
        calm = -one_ratio(y, mean, size, np.array(ratio))
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
        pieces = [p for p in home.history if p.first + p.y.shape[1] > since and p.first < until]  # type: ignore[attr-defined]
        llr = np.concatenate([p.llr[service] for p in pieces])
        first = pieces[0].first
        kept = slice(max(0, since - first), until - first)
        found = timing.onset(llr[kept])
        return timing.Estimate(*(max(first, since) + value for value in found))

    def _arrays(
        self, service: int, since: int, until: int, home: Home
    ) -> tuple[Floats, Floats, int]:
        """Counts, expected counts and the number of the first bin of what is still known."""
        pieces = [p for p in home.history if p.first + p.y.shape[1] > since and p.first < until]  # type: ignore[attr-defined]
        first = pieces[0].first
        kept = slice(max(0, since - first), until - first)
        y, mean = (np.concatenate([p[i][service] for p in pieces])[kept] for i in (1, 2))
        return y, mean, max(first, since)

    def _bins_of(
        self, service: int, since: int, until: int, home: Home
    ) -> list[tuple[int, float, float]]:
        y, mean, first = self._arrays(service, since, until, home)
        return [
            (first + i, float(y[i]), float(mean[i])) for i in np.flatnonzero(~np.isnan(y + mean))
        ]
