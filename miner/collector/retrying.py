"""How often and how long a platform that gives nothing is asked again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import tenacity

from miner.counter.times import SECOND
from miner.errors import UnavailableError
from miner.sources.protocol import Clock

#: Seconds: the first wait (doubled each time, with jitter) and the longest one.
FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 120.0
#: A platform that asks for more patience than this is left for the next run, where there
#: is one; a limit of X ends within 15 minutes.
LONGEST_ASKED: Final = 16 * 60.0
#: Jitter on top of a time that a platform named, so that jobs do not come back as one.
_LATE: Final = 1.0

_backoff = tenacity.wait_exponential(
    multiplier=FIRST_WAIT, max=LONGEST_WAIT
) + tenacity.wait_random(0, FIRST_WAIT)
_jitter = tenacity.wait_random(0, _LATE)


@dataclass
class Failures:
    """Failures in a row; a page that brings something new ends the row.

    Attributes:
        attempts: how many failures in a row are too many; None: never.
    """

    attempts: int | None
    clock: Clock
    in_row: int = 0

    def give_up(self, state: tenacity.RetryCallState) -> bool:
        """Whether the failure was one too many, or the platform asks for too long a wait."""
        if self.attempts is None:
            return False
        asked = self._asked(state)
        return self.in_row >= self.attempts or (asked is not None and asked > LONGEST_ASKED)

    def wait(self, state: tenacity.RetryCallState) -> float:
        """Seconds until the next attempt."""
        asked = self._asked(state)
        if asked is not None:
            return asked + _jitter(state)
        # tenacity counts attempts of the whole run; what matters is the row.
        state.attempt_number = self.in_row
        return _backoff(state)

    def _asked(self, state: tenacity.RetryCallState) -> float | None:
        """Seconds that the platform asked to wait; None where it did not."""
        error = state.outcome.exception() if state.outcome is not None else None
        if not isinstance(error, UnavailableError) or error.retry_at is None:
            return None
        seconds = (error.retry_at - self.clock.now()) / SECOND
        return seconds if seconds > 0 else None


def follow(
    ask: Callable[[], None],
    failures: Failures,
    wait: Callable[[float], bool],
    told: Callable[[UnavailableError, float], None],
) -> None:
    """Ask until it ends well; after each failure that may pass, wait and ask again.

    Args:
        ask: raises UnavailableError where asking again may help.
        failures: counts; to be reset by ``ask`` when something new came.
        wait: returns True where the run is to stop instead.
        told: told of each failure and of the seconds until the next attempt.

    Raises:
        UnavailableError: too many failures in a row.
    """

    def counted() -> None:
        try:
            ask()
        except UnavailableError:
            failures.in_row += 1
            raise

    def sleep(seconds: float) -> None:
        if wait(seconds):
            raise _Stopped

    def before_sleep(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        assert isinstance(error, UnavailableError)
        told(error, state.next_action.sleep if state.next_action is not None else 0.0)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(UnavailableError),
        stop=failures.give_up,
        wait=failures.wait,
        sleep=sleep,
        before_sleep=before_sleep,
        reraise=True,
    )
    try:
        retrying(counted)
    except _Stopped:
        return


class _Stopped(Exception):  # noqa: N818 - no error: the run was asked to stop
    """The run stops while it waits."""
