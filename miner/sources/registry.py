"""The live sources of this installation: built-in ones and those of other packages."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from miner.errors import UsageError
from miner.sources.protocol import Source

GROUP: Final = "miner.sources"


def names() -> list[str]:
    """Names of the sources that can be collected from, sorted."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def settings_of(name: str) -> Mapping[str, str] | None:
    """Settings of a source and what they mean; None where it does not tell.

    Raises:
        UsageError: no package brings a source of this name, or it cannot be loaded.
    """
    settings: Mapping[str, str] | None = getattr(load(name), "settings", None)
    return settings


def load(name: str) -> Source:
    """A new source of this name.

    Raises:
        UsageError: no package brings a source of this name, or it cannot be loaded.
    """
    found: list[EntryPoint] = list(entry_points(group=GROUP, name=name))
    if not found:
        known = ", ".join(names()) or "none (is miner installed? pip install -e .)"
        raise UsageError(f"unknown source {name!r}; sources of this installation: {known}")
    try:
        source: Source = found[0].load()()
    except ImportError as error:
        raise UsageError(
            f"source {name!r} needs a package that is missing ({error.name}); "
            f"install it: pip install 'miner[{name}]'"
        ) from None
    return source
