"""The files that a user's paths stand for."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from miner.errors import InputError, UsageError

STDIN: Final = "-"


def find_files(paths: str | Path | Sequence[str | Path]) -> list[str]:
    """The files of paths, folders and patterns, each once, in the order given.

    Args:
        paths: files; folders, read with all that is below them in the order of
            names, hidden files left out; patterns with ``*``, ``?``, ``[…]`` and
            ``**``; ``-`` for standard input.

    Raises:
        InputError: a file is missing, a folder is empty, or a pattern fits nothing.
    """
    listed = [paths] if isinstance(paths, (str, Path)) else paths
    given = [os.fspath(path) for path in listed]
    if not given:
        raise UsageError("no file was named; name files, folders, patterns or - for standard input")
    return list(dict.fromkeys(file for path in given for file in _expand(path)))


def _expand(path: str) -> list[str]:
    if path == STDIN:
        return [path]
    if Path(path).is_dir():
        files = list(_below(path))
        if not files:
            raise InputError(f"{path}: the folder holds no files; name one that does")
        return files
    if Path(path).exists():
        return [path]
    if glob.has_magic(path):
        matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - keeps ** and absolute patterns
        files = [match for match in matches if not Path(match).is_dir()]
        if not files:
            raise InputError(
                f"{path}: no file fits this pattern; check it, and quote it in a shell"
            )
        return files
    raise InputError(f"{path}: no such file; check the path, relative to {Path.cwd()}")


def _below(folder: str) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield str(Path(parent, name))
