"""Servers that are left alone for a while, so that one that is busy does not stop the others."""

from __future__ import annotations

from typing import Final

from miner.errors import UnavailableError
from miner.formats.times import SECOND
from miner.sources.protocol import Clock

#: Seconds: the first rest of a server that names no time, doubled each time, and the longest.
_FIRST: Final = 60
_LONGEST: Final = 900


class Resting:
    """Which servers rest, until when, and why."""

    def __init__(self) -> None:
        self._errors: dict[str, UnavailableError] = {}
        self._n_failures: dict[str, int] = {}

    def why(self, host: str, clock: Clock) -> UnavailableError | None:
        """Why a server is not to be asked now; None where it may be."""
        error = self._errors.get(host)
        if error is None or error.retry_at is None or error.retry_at <= clock.now():
            return None
        return error

    def add(self, host: str, error: UnavailableError, clock: Clock) -> UnavailableError:
        """Let a server rest; the error with which it failed is given back."""
        n_failures = self._n_failures[host] = self._n_failures.get(host, 0) + 1
        seconds = min(_LONGEST, _FIRST * 2 ** (n_failures - 1))
        until = error.retry_at or clock.now() + seconds * SECOND
        self._errors[host] = UnavailableError(str(error), until)
        return error

    def clear(self, host: str) -> None:
        """A server answered."""
        self._errors.pop(host, None)
        self._n_failures.pop(host, None)

    def wake(self) -> None:
        """Let all be asked again: somebody else waits between the questions."""
        self._errors.clear()
