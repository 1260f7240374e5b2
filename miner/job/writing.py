"""A configuration file to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import orjson

from miner.errors import OutputError


def template() -> str:
    """The commented configuration that ``miner init`` writes."""
    return resources.files("miner.job").joinpath("template.toml").read_text("utf-8")


def write_template(path: Path, services: Sequence[str] = ()) -> None:
    """Write the template to a new file; one that exists is never touched.

    Args:
        path: the file.
        services: ids, in the place of the template's.

    Raises:
        OutputError: there is a file already, or it cannot be written.
    """
    text = template()
    if services:
        names = orjson.dumps(list(services)).decode()
        text = text.replace('services = ["whatsapp"] ', f"services = {names} ", 1)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise OutputError(
            f"{path}: there is such a file, and it stays as it is; name another one"
        ) from None
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None
