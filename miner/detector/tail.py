"""The tail of a service's own scores: what its normal bursts reach, learned as it runs.

Thresholds come from simulated years, and real streams burst more, some of them much more.
So the scores of each service are put on the scale of the simulated ones: how often they
pass the score ``u`` that the simulated ones reach once a day, and how far beyond, is
counted from the service's own past, and

    score = u + (raw - u) s0 / s - s0 log(f),

where ``s0`` and ``s`` are the exponential scales of the simulated and of the own excesses
(the tail of peaks over a threshold, Pickands 1975; Coles 2001, section 4.2) and ``f`` the
own passes over the expected ones. Excesses beyond four scales are taken for outages and
left out, and the mean of the rest is that of an exponential cut there; so an outage does
not teach its service to expect the next. Both start from the simulated ones.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Passes the prior is worth, and the half-life of counted ones in days.
_PRIOR: Final = 10.0
_HALF_LIFE_DAYS: Final = 60.0
#: Excesses of more scales than this are outages.
_CUT: Final = 4.0
_MERGE_MINUTES: Final = 60.0
_LEAST, _MOST = 0.8, 3.0
#: Scale of the simulated excesses, at least, in nats.
_LEAST_SCALE: Final = 0.5
#: Mean of an exponential of scale s cut at c, over c, by s / c.
_SCALES: Final = np.geomspace(0.03, 30.0, 400)
_MEANS: Final = _SCALES - 1.0 / np.expm1(1.0 / _SCALES)
#: Share of the excesses under the cut, and their mean over the cut, of the prior.
_UNDER: Final = 1.0 - float(np.exp(-_CUT))
_MEAN: Final = float(np.interp(1.0 / _CUT, _SCALES, _MEANS))


class Tail:
    """Own passes of each service over its daily score.

    Args:
        n_services: how many.
        block_minutes: length of a block.
    """

    def __init__(self, n_services: int, block_minutes: float) -> None:
        self._merge = _MERGE_MINUTES / block_minutes
        self._minutes = block_minutes
        self._peak = np.full(n_services, -np.inf)
        self._quiet = np.zeros(n_services)
        self._sums = np.zeros((3, n_services))  # passes, fractions of the cut, days
        self.base = np.full(n_services, np.inf)
        self.scale = np.ones(n_services)
        self.stretch = np.ones(n_services)
        self.shift = np.zeros(n_services)

    def set_usual(self, base: Floats, scale: Floats) -> None:
        """Daily score and scale of the simulated services of the same rates."""
        self.base, self.scale = base, np.maximum(scale, _LEAST_SCALE)

    def on_scale(self, raw: Floats) -> Floats:
        """Scores on the scale of the simulated ones, shape (services, bins)."""
        base = self.base[:, None]
        beyond = raw - base
        steep = np.maximum(beyond, 0.0) / self.stretch[:, None]
        # Under the daily score the correction fades out, so that 0 stays 0.
        part = np.minimum(raw / np.maximum(base, 1e-9), 1.0)
        mapped: Floats = np.minimum(raw, base) + steep - self.shift[:, None] * part
        return np.maximum(mapped, 0.0)

    def add(self, peaks: Floats, watched: NDArray[np.bool_]) -> None:
        """Add a block: its highest raw score of each service."""
        self._sums[2] += watched * (self._minutes / 1440.0)
        over = (peaks >= self.base) & watched
        open_ = self._peak > -np.inf
        if not (over.any() or open_.any()):
            return
        self._peak = np.where(over, np.maximum(self._peak, peaks), self._peak)
        self._quiet = np.where(over, 0.0, self._quiet + 1)
        done = open_ & (self._quiet >= self._merge)
        if done.any():
            cut = _CUT * self.scale
            part = (self._peak - self.base) / cut
            kept = done & (part < 1.0)
            self._sums[0] += kept
            self._sums[1] += np.where(kept, np.maximum(part, 0.0), 0.0)
            self._peak[done] = -np.inf

    def refit(self) -> None:
        """Fit the tail again, once a day."""
        passes, parts, days = self._sums
        often = (passes + _PRIOR) / (days * _UNDER + _PRIOR)
        mean = (parts + _PRIOR * _MEAN) / (passes + _PRIOR)
        scale = np.interp(mean, _MEANS, _SCALES) * _CUT
        self.stretch = np.clip(scale, _LEAST, _MOST)
        self.shift = self.scale * np.clip(np.log(often), -1.0, 3.0)
        self._sums *= 0.5 ** (1.0 / _HALF_LIFE_DAYS)
