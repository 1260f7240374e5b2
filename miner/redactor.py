"""Secrets kept out of all that is written: logs, errors, the database.

Secrets come from the environment alone (a file of secrets is read into it), so that
what must not be shown is known at every moment from the names of its variables.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*(?:TOKEN|SECRET|KEY|PASSWORD|CLIENT_ID)")
#: Shorter values are in every text.
_SHORTEST: Final = 6


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret, such as ``X_BEARER_TOKEN``."""
    return _NAME.fullmatch(name) is not None


def redact(text: str) -> str:
    """The text with the name of a secret in the place of its value."""
    found = sorted(_forms(), key=lambda pair: -len(pair[0]))
    for value, name in found:
        text = text.replace(value, f"[{name}]")
    return text


def _forms() -> Iterator[tuple[str, str]]:
    """Secrets as they may be written, with their names."""
    secrets = [
        (name, value)
        for name, value in os.environ.items()
        if len(value) >= _SHORTEST and is_secret_name(name)
    ]
    for name, value in secrets:
        for form in {value, quote(value, safe=""), json.dumps(value)[1:-1]}:
            yield form, name
    # Basic authentication sends an id and a secret as one word.
    for (one, first), (other, second) in itertools.permutations(secrets, 2):
        yield base64.b64encode(f"{first}:{second}".encode()).decode(), f"{one}:{other}"
