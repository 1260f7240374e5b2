"""Tables of a configuration file, read key by key; what is left over is a mistake."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from miner import durations
from miner.errors import ConfigError, UsageError

#: What TOML calls the types of Python.
_KINDS: Final = {
    str: 'text in quotes: key = "…"',
    bool: "true or false",
    list: 'a list: key = ["…", "…"]',
    dict: "a table",
}


class Table:
    """A table of a file.

    Attributes:
        where: file and table, as errors name them.
    """

    def __init__(self, values: dict[str, Any], path: Path, name: str = "") -> None:
        self._values = dict(values)
        self._path = path
        self._name = name
        self._known: list[str] = []
        self.where = f"{path}: [{name}]" if name else f"{path}:"

    def fail(self, key: str, message: str) -> NoReturn:
        """Raise a ConfigError that names file, table and key."""
        raise ConfigError(f"{self.where} {key}: {message}")

    def text(self, key: str, default: str | None = None) -> str | None:
        """A text that is not empty."""
        value = self._take(key, str)
        if value is None:
            return default
        return str(value) if value.strip() else self.fail(key, "is empty; leave the key out")

    def required(self, key: str, example: str) -> str:
        """A text that must be there."""
        value = self.text(key)
        if value is None:
            self.fail(key, f"is missing; add {key} = {example}")
        return value

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """One of some words; the first by default."""
        value = self.text(key) or choices[0]
        if value not in choices:
            self.fail(key, f"{value!r} is unknown; use one of: {', '.join(choices)}")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self._take(key, bool)
        return default if value is None else bool(value)

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts; None where the key is missing."""
        values = self._take(key, list)
        if values is None:
            return None
        for value in values:
            if not isinstance(value, str):
                self.fail(key, f"{value!r} is no text; write each entry in quotes")
        return tuple(dict.fromkeys(values)) or self.fail(key, "is empty; leave the key out")

    def seconds(self, key: str, default: str | None = None) -> float | None:
        """Seconds of a duration such as "5m", more than none."""
        value = self.text(key, default)
        if value is None:
            return None
        try:
            found = durations.seconds(value, key)
        except UsageError:
            self.fail(key, f"{value!r} is no duration; use a number and s, m, h or d: 10m")
        return found or self.fail(key, "is nothing; use more, such as 1m")

    def micros(self, key: str) -> int | None:
        """Millionths of a US dollar of an amount such as "5usd"."""
        value = self.text(key)
        if value is None:
            return None
        try:
            return durations.micros(value, key)
        except UsageError:
            self.fail(key, f"{value!r} is no amount of US dollars; write it as 5usd")

    def path(self, key: str) -> Path | None:
        """A path; a relative one begins at the folder of the configuration file."""
        value = self.text(key)
        return None if value is None else (self._path.parent / Path(value).expanduser())

    def table(self, key: str) -> Table:
        """A table within; empty where it is missing."""
        return self._table(self._take(key, dict) or {}, key)

    def tables(self, key: str) -> list[Table]:
        """A list of tables, ``[[key]]``."""
        values = self._take(key, list) or []
        for value in values:
            if not isinstance(value, dict):
                self.fail(key, f"is a list of tables; write each as [[{key}]]")
        return [self._table(value, f"{key} {n}") for n, value in enumerate(values, 1)]

    def names(self) -> list[str]:
        """Keys that were not taken yet."""
        return list(self._values)

    def setting(self, key: str) -> str:
        """A text, number or truth value as text; a list of texts between commas."""
        self._known.append(key)
        value = self._values.pop(key)
        if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
            return ",".join(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, str | int | float):
            self.fail(key, "is no text, number, truth value or list of texts; write it in quotes")
        return str(value)

    def done(self, hints: Iterable[tuple[str, str]] = ()) -> None:
        """Refuse what was not taken.

        Args:
            hints: keys that people may try, with what to do instead.
        """
        for key in self._values:
            hint = dict(hints).get(key)
            if hint is not None:
                self.fail(key, hint)
            near = difflib.get_close_matches(key, self._known, 1)
            guess = f"; did you mean {near[0]}?" if near else ""
            known = ", ".join(self._known)
            self.fail(key, f"no such key{guess} (keys here: {known})")

    def _table(self, values: dict[str, Any], key: str) -> Table:
        return Table(values, self._path, f"{self._name}.{key}" if self._name else key)

    def _take(self, key: str, kind: type) -> Any:
        self._known.append(key)
        value = self._values.pop(key, None)
        if value is not None and not isinstance(value, kind):
            # Not the value: it may be a secret in the wrong place.
            self.fail(key, f"has the wrong type; write {_KINDS[kind].replace('key', key)}")
        return value
