"""What X's refusals mean: for now, or until its user acts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import requests

from miner.errors import MinerError, RefusedError, UnavailableError
from miner.formats.times import SECOND
from miner.sources.waiting import retry_at

KEYS_PAGE: Final = "https://docs.x.com/x-api/getting-started/getting-access"
_CONSOLE: Final = "https://console.x.com"
#: Seconds to wait at least after "too many" where X names no time, or one in the past.
_TOO_MANY: Final = 60


def refusal(response: requests.Response, now: int, hide: Callable[[str], str]) -> MinerError:
    """The error of an answer that is not a success.

    Args:
        response: X's answer.
        now: microseconds since 1970 UTC.
        hide: takes secrets out of what the answer says.
    """
    status = response.status_code
    problem = _problem(response)
    said = hide(f"{problem.get('title', '')}: {problem.get('detail', '')}".strip(": "))[:300]
    wait = retry_at(dict(response.headers), now)
    if status == requests.codes.too_many_requests:
        return _too_many(problem, said, wait, now)
    if status >= 500 or status in {requests.codes.request_timeout, requests.codes.conflict}:
        return UnavailableError(f"x: answered {status} {said}".rstrip(), wait)
    return RefusedError(f"x: answered {status} {said}; {_next_step(status)}")


def _too_many(problem: Mapping[str, Any], said: str, wait: int | None, now: int) -> MinerError:
    if str(problem.get("type", "")).endswith("/usage-capped"):
        return RefusedError(
            f"x: the usage cap of this account is reached ({said}); it ends with the billing "
            f"cycle, or is raised at {_CONSOLE}"
        )
    return UnavailableError(
        f"x: answered 429 {said}".rstrip(), wait if wait is not None else now + _TOO_MANY * SECOND
    )


def _next_step(status: int) -> str:
    if status == requests.codes.unauthorized:
        return f"X_BEARER_TOKEN is wrong or expired; get a new one: {KEYS_PAGE}"
    if status == requests.codes.payment_required:
        return f"the credits are used up; add some at {_CONSOLE}, and run again"
    if status == requests.codes.forbidden:
        return f"this account may not ask for it; see its access at {_CONSOLE}"
    if status == requests.codes.not_found:
        return "is --url right?"
    return "please report it: X did not understand the question"


def _problem(response: requests.Response) -> dict[str, Any]:
    """The problem that an answer describes; empty where it does not."""
    try:
        value = response.json()
    except ValueError:
        return {}
    if isinstance(value, dict) and "title" not in value and isinstance(value.get("errors"), list):
        first = value["errors"][0] if value["errors"] else {}
        value = first if isinstance(first, dict) else {}
    return value if isinstance(value, dict) else {}
