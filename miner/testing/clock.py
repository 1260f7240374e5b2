"""A clock that tests turn by hand: waiting takes no time and is written down."""

from __future__ import annotations

import threading


class FakeClock:
    """A clock that moves when somebody waits, or when it is told to.

    Attributes:
        at: microseconds since 1970 UTC.
        waits: seconds of every wait, in order.
    """

    def __init__(self, at: int) -> None:
        self.at = at
        self.waits: list[float] = []
        self._passed = 0.0

    def now(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return self.at

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._passed

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Let the time pass at once."""
        self.waits.append(seconds)
        self.move(seconds)
        return stop.is_set()

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds
        self.at += round(seconds * 1_000_000)

    def jump(self, seconds: float) -> None:
        """Set the time of day, as a correction of the machine's clock does."""
        self.at += round(seconds * 1_000_000)
