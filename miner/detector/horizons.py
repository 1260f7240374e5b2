"""Slow evidence: what hours gather that single bins do not, against the level before them.

The evidence of single bins is capped, because an intensity that wanders looks like an
outage for a while. Over hours the wandering averages out, by how much each service shows
itself: the relative variance of sums over 1, 3 and 8 hours is measured on its own past.
For a sum Y over a horizon of W minutes with the mean M that the level before the horizon
gave, the evidence is the likelihood ratio of its best ratio, in units of its dispersion,

    G = (Y log(Y / M) - Y + M) / (phi + alpha_W M),

the scaled deviance of McCullagh and Nelder (1989, section 9.2), as in the window-limited
scans of Lai (1995, section 3). A recursion over blocks would have added up the onsets in
all blocks of the horizon, so the log of their number is added to put both on one scale,
and no more than G itself.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HORIZONS: Final = (60.0, 180.0, 480.0)
_PRIOR_ALPHA: Final = 0.05
#: Windows the prior is worth, and the half-life of measured ones in days.
_PRIOR_WINDOWS: Final = 10.0
_HALF_LIFE_DAYS: Final = 28.0
_CLIP: Final = 16.0
_LEAST_ALPHA, _MOST_ALPHA = 0.01, 2.0
#: Complaints that a horizon must hold to count as evidence.
_LEAST_COUNT: Final = 5.0


class Horizons:
    """Sums over the last hours of each service, and the evidence in them.

    Args:
        n_services: how many.
        block_minutes: length of a block, at the end of which sums are taken.
    """

    def __init__(self, n_services: int, block_minutes: float) -> None:
        steps = sorted({max(1, round(h / block_minutes)) for h in HORIZONS})
        self._steps = np.array(steps)
        self._offset = np.log(self._steps)[:, None]
        self._kept = int(self._steps[-1]) + 1
        self._decay = 0.5 ** (self._steps * block_minutes / 1440.0 / _HALF_LIFE_DAYS)
        # Rings over blocks: running sums of counts, season and talk, and the level.
        self._sums = np.zeros((self._kept, 3, n_services))
        self._levels = np.ones((self._kept, n_services))
        self._now = np.zeros((3, n_services))
        self._at = 0
        shape = (len(steps), n_services)
        # Squared errors, windows and squared means of each horizon.
        self._measured = np.zeros((3, *shape))
        self.alpha = np.full(shape, _PRIOR_ALPHA)
        self.held = np.zeros(n_services)

    def add(self, sums: Floats) -> None:
        """Add sums over watched bins of counts, season and talk, shape (3, services)."""
        self._now += sums

    def close_block(self, number: int, ratio: Floats, phi: Floats, calm: NDArray[np.bool_]) -> None:
        """End a block: the evidence in what each horizon holds is in ``held`` from now on.

        Args:
            number: of the block since 1970.
            ratio: level of each service before the block.
            phi: noise of each service.
            calm: services whose windows may be measured as noise.
        """
        kept = self._kept
        slot = self._at % kept
        self._levels[slot] = ratio
        self._sums[(self._at + 1) % kept] = self._now
        self._at += 1
        starts = (self._at - np.minimum(self._steps, self._at)) % kept
        window = self._now - self._sums[starts]
        y, season, leak = window[:, 0], window[:, 1], window[:, 2]
        mean = season * self._levels[starts] + leak
        self._measure(number, y, mean, phi, calm)
        safe = np.maximum(mean, 1e-6)
        spread = phi + self.alpha * safe + (leak / 3.0) ** 2 / safe
        over = (y > safe) & (y >= _LEAST_COUNT)
        gain = np.where(over, y * np.log(np.maximum(y, 1.0) / safe) - y + safe, 0.0) / spread
        self.held = (gain + np.minimum(gain, self._offset)).max(axis=0)

    def _measure(
        self, number: int, y: Floats, mean: Floats, phi: Floats, calm: NDArray[np.bool_]
    ) -> None:
        """Learn the variance of whole windows, each seen once."""
        full = (number + 1) % self._steps == 0
        if not full.any():
            return
        used = full[:, None] & calm & (mean > 0)
        variance = phi * mean + self.alpha * mean**2
        error = np.minimum((y - mean) ** 2, _CLIP * variance + 12.0) - phi * mean
        self._measured *= np.where(full, self._decay, 1.0)[:, None]
        self._measured += np.where(used, np.stack([error, np.ones_like(mean), mean**2]), 0.0)
        errors, windows, squares = self._measured
        prior = _PRIOR_WINDOWS * squares / np.maximum(windows, 1.0) + 1e-9
        alpha = (np.maximum(errors, 0.0) + _PRIOR_ALPHA * prior) / (squares + prior)
        self.alpha = np.clip(alpha, _LEAST_ALPHA, _MOST_ALPHA)

    def restart(self, service: int) -> None:
        """Forget the sums of a service, after an outage."""
        self._sums[:, :, service] = self._now[:, service]
        self.held[service] = 0.0
