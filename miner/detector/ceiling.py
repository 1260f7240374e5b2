"""How much evidence an excess of its size can be: never more than noise makes it.

The intensity wanders with relative variance alpha, and neighbouring bins wander together,
so that a dozen bins at 2.5 times the expected count are little more evidence than one of
them. Whatever ratio is looked for, what was seen lately at ``r`` times the expected is
worth no more than the log odds of the noise getting there,

    (log r)² / (2 alpha),

with ``r`` the ratio of exponentially smoothed counts: over a quarter of the time in which
counts are known as well as the intensity is, and 15 minutes at most. Services of which 15
minutes tell less than that are allowed more, in proportion.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from miner.detector.smoothing import Fading

Floats = NDArray[np.float64]

#: Minutes of memory: a part of those after which counts are known as well as the intensity.
_SHARE: Final = 0.25
_LEAST_BINS: Final = 0.3
_LONGEST_MINUTES: Final = 15.0
_LEAST_ALPHA: Final = 0.01


class Ceiling:
    """Smoothed ratio of counts to what was expected, and the evidence it allows.

    Args:
        n_services: how many.
        width: of a bin, in minutes.
    """

    def __init__(self, n_services: int, width: float) -> None:
        self._longest = _LONGEST_MINUTES / width
        self._fading = Fading(2, n_services)
        self._keep = np.zeros(n_services)
        self._most = np.full(n_services, np.inf)

    def set_noise(self, mean: Floats, phi: Floats, alpha: Floats) -> None:
        """Smooth for services of these mean counts of a bin, and noise."""
        alpha = np.maximum(alpha, _LEAST_ALPHA)
        wanted = _SHARE * phi / (alpha * np.maximum(mean, 1e-9))
        self._keep = np.exp(-1.0 / np.clip(wanted, _LEAST_BINS, self._longest))
        self._fading.set_keep(self._keep)
        # Of few complaints most of the noise is their number's, which neighbours do not share.
        self._most = np.maximum(wanted / self._longest, 1.0) / (2.0 * alpha)

    def of(self, y: Floats, mean: Floats) -> Floats:
        """Most evidence after each bin of a block, shape (services, bins); ``nan`` is skipped."""
        known = ~np.isnan(y + mean)
        both = np.stack([np.where(known, y, 0.0), np.where(known, mean, 0.0)])
        seen, expected = self._fading.push(both)
        return self._allowed(seen / np.maximum(expected, 1e-9))

    def alone(self, ratio: Floats) -> Floats:
        """Most evidence of one bin at this ratio, shape (services, …), after calm ones."""
        keep = self._keep[:, None]
        return self._allowed((1 - keep) * ratio + keep)

    def _allowed(self, ratio: Floats) -> Floats:
        most: Floats = np.log(np.maximum(ratio, 1.0)) ** 2 * self._most[:, None]
        return most
