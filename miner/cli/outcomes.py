"""What came of a source, as values for programs."""

from __future__ import annotations

from typing import Any

from miner.cli.moments import moment
from miner.redactor import redact

_NUMBERS = ("pages", "seen", "posts", "candidates", "edits", "deletions", "skipped")


def as_values(outcome: Any) -> dict[str, Any]:
    """An outcome as JSON values."""
    return {
        "source": outcome.source,
        **{name: getattr(outcome, name) for name in _NUMBERS},
        "reached": moment(outcome.reached),
        "error": None if outcome.error is None else redact(str(outcome.error)),
    }
