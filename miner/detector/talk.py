"""Talk about a service that is no complaint, and the complaints it explains.

Jokes and news mention a service without complaining, and a share of them is labelled as
complaints by mistake. Talk beyond its usual share therefore raises what is expected. An
outage makes people talk too: what complaints bring along, up to the usual share and one
post a complaint, explains none of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from miner.detector.smoothing import Fading

Floats = NDArray[np.float64]

#: Talk of which this many complaints a post may be mislabelled ones.
LEAK: Final = 0.35
_MEMORY_MINUTES: Final = 10.0
_HALF_LIFE_MINUTES: Final = 2880.0
#: Talk brought along by a complaint at most.
_MOST_A_COMPLAINT: Final = 1.0


class Talk:
    """Usual talk of each service, and the recent excess over it.

    Args:
        n_services: how many.
        width: of a bin, in minutes.
    """

    def __init__(self, n_services: int, width: float) -> None:
        self._usual = np.full((2, n_services), 1e-3)
        self._keep = float(np.exp(-width / _MEMORY_MINUTES))
        self._excess = Fading(1, n_services)
        self._excess.set_keep(np.full(n_services, self._keep))

    def age(self, minutes: float) -> None:
        """Let the usual share forget, by so many minutes."""
        self._usual *= 0.5 ** (minutes / _HALF_LIFE_MINUTES)

    def explained(self, talk: Floats, y: Floats, calm: Floats) -> Floats:
        """Complaints of each bin that talk explains.

        Args:
            talk: posts that are no complaints, shape (services, bins); ``nan`` is unknown.
            y: complaints, same shape.
            calm: complaints that are expected, same shape.
        """
        share = (self._usual[0] / self._usual[1])[:, None]
        known = ~np.isnan(talk + calm)
        expected, posts = np.where(known, calm, 0.0), np.where(known, talk, 0.0)
        usual = expected * share
        brought = np.fmax(y - expected, 0.0)
        excess = posts - usual - np.minimum(share, _MOST_A_COMPLAINT) * brought
        smooth = self._excess.push(excess[None])[0] * (1.0 - self._keep)
        at_most = np.minimum(posts, 5 * usual + 3)
        self._usual[0] += at_most.sum(axis=1)
        self._usual[1] += expected.sum(axis=1)
        leak: Floats = LEAK * np.maximum(np.maximum(excess, smooth), 0.0)
        return leak
