"""The key that handles are hashed with.

Order: ``MINER_AUTHOR_KEY`` from the environment, else a random key kept in the
user's configuration folder (readable by the user alone), else, where that folder
cannot be written, a random key for this process only. Counting does not depend on
the key; joining two exports by author does need the same one.
"""

from __future__ import annotations

import functools
import os
import secrets
import sys
from pathlib import Path

_KEY_BYTES = 32


@functools.cache
def author_key() -> bytes:
    """The key of this user, 1 to 64 bytes."""
    from_environment = os.environ.get("MINER_AUTHOR_KEY", "")
    if from_environment:
        return from_environment.encode()[:64]
    path = _config_folder() / "author.key"
    try:
        return bytes.fromhex(path.read_text("ascii").strip()) or _new_key(path)
    except (OSError, ValueError):
        return _new_key(path)


def _new_key(path: Path) -> bytes:
    key = secrets.token_bytes(_KEY_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # O_EXCL: of two jobs that start together, one makes the key and both read it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(key.hex())
    except FileExistsError:
        try:
            return bytes.fromhex(path.read_text("ascii").strip()) or key
        except (OSError, ValueError):
            return key
    except OSError:
        return key
    return key


def _config_folder() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("APPDATA")
        return Path(base) / "miner" if base else Path.home() / "AppData/Roaming/miner"
    base = os.environ.get("XDG_CONFIG_HOME")
    return Path(base) / "miner" if base else Path.home() / ".config/miner"
