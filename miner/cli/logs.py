"""Logs on standard error, as text or JSON lines; secrets are replaced in both."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import click

from miner.redactor import redact

F = TypeVar("F", bound=Callable[..., Any])

#: What every record has; the rest was given with ``extra``.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_log = logging.getLogger("miner")


def log_options(function: F) -> F:
    """``--log-format`` and ``--log-level``."""
    for option in (
        click.option(
            "--log-level",
            type=click.Choice(["debug", "info", "warning", "error"]),
            default="info",
            show_default=True,
            help="The least that is logged.",
        ),
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="Logs on standard error: lines for people, or one JSON object a line.",
        ),
    ):
        function = option(function)
    return function


def set_up(form: str, level: str) -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    start_anew()
    _log.addHandler(handler)
    _log.setLevel(level.upper())
    _log.propagate = False


def start_anew() -> None:
    """Undo what a command before this one in the same process has set up."""
    for old in _log.handlers[:]:
        _log.removeHandler(old)
    _log.setLevel(logging.NOTSET)
    _log.propagate = True


def say(message: str) -> None:
    """Tell of the end of a command: as a log record where logs are JSON, else as a line."""
    if any(isinstance(handler.formatter, JsonFormatter) for handler in _log.handlers):
        _log.error(message)
    else:
        click.echo(redact(f"miner: {message}"), err=True)


def show_bug(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Print a traceback without secrets; for ``sys.excepthook``."""
    sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))


class TextFormatter(logging.Formatter):
    """One line: time in UTC, level, message."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line = f"{_time(record)} {record.levelname.lower():7} {record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return redact(line)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time in UTC, level, logger, message, and what came with it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        given = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
            **given,
        }
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        return redact(json.dumps(line, ensure_ascii=False, default=str))


def _time(record: logging.LogRecord) -> str:
    time = datetime.fromtimestamp(record.created, UTC)
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"
