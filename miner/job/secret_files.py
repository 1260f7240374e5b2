"""A file of secrets: readable by its user alone, read into the environment.

One ``NAME=value`` a line, as service managers read them too; a variable that is set
already stays as it is. No error repeats what stands in the file.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from miner.errors import ConfigError
from miner.redactor import is_secret_name


def read_secrets(path: Path) -> None:
    """Add the secrets of a file to the environment.

    Raises:
        ConfigError: others can read it, it belongs to somebody else, or a line is not
            NAME=value.
    """
    try:
        with path.open("rb") as file:
            # The open file, not the name: what is checked is what is read.
            _check(path, os.fstat(file.fileno()))
            lines = file.read().decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(
            f"{path}: the file of secrets cannot be read: {error.strerror}; make it with "
            f"`touch {path} && chmod 600 {path}`, or take [secrets] file out"
        ) from None
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("export ")
        if text and not text.startswith("#"):
            _set(text, f"{path}: line {number}")


def _check(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{path}: is no file; name one with lines NAME=value")
    if os.name != "posix":
        return  # Windows keeps permissions elsewhere
    if status.st_uid not in {0, os.geteuid()}:
        raise ConfigError(f"{path}: belongs to another user; `chown` it to the one who runs miner")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise ConfigError(f"{path}: others can read it; make it yours alone: chmod 600 {path}")


def _set(text: str, where: str) -> None:
    name, sign, value = (part.strip() for part in text.partition("="))
    if not sign or not name.isidentifier():
        raise ConfigError(f"{where}: is not NAME=value, such as X_BEARER_TOKEN=…")
    if not is_secret_name(name):
        raise ConfigError(
            f"{where}: {name} is no name of a secret, which ends in TOKEN, SECRET, KEY, "
            "PASSWORD or CLIENT_ID; set other variables in the environment"
        )
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    if value:
        os.environ.setdefault(name, value)
