"""Exponentially fading sums over bins: ``s ← k s + x``, for many services at once."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Bins that one product of matrices covers.
_PART: Final = 16


class Fading:
    """Fading sums of several rows of values, each service at its own pace.

    Args:
        n_rows: rows of values that fade alike.
        n_services: how many.
    """

    def __init__(self, n_rows: int, n_services: int) -> None:
        self.sums = np.zeros((n_rows, n_services))
        self._back = np.arange(_PART)[:, None] - np.arange(_PART)
        self._later = 1.0 + np.arange(_PART)
        self.set_keep(np.zeros(n_services))

    def set_keep(self, keep: Floats) -> None:
        """What is left of each service's sums after a bin, 0 to 1."""
        powers = keep[:, None, None] ** np.maximum(self._back, 0)
        self._weights = np.where(self._back >= 0, powers, 0.0)
        self._kept = keep[:, None] ** self._later

    def push(self, values: Floats) -> Floats:
        """Sums after each bin, shape (rows, services, bins)."""
        found = np.empty(values.shape)
        for first in range(0, values.shape[2], _PART):
            part = values[:, :, first : first + _PART]
            n = part.shape[2]
            sums = np.einsum("rsb,scb->rsc", part, self._weights[:, :n, :n])
            sums += self.sums[:, :, None] * self._kept[:, :n]
            found[:, :, first : first + n] = sums
            self.sums = sums[:, :, -1]
        return found
