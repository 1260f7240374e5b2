"""Every error a caller can act on.

    MinerError                  base of all; never raised itself
    ├── InputError              a file or table cannot be read as posts          (exit code 3)
    │   └── SchemaError         a table lacks a column or has a wrong type
    ├── UsageError              an argument makes no sense: frequency, time, name (exit code 2)
    │   ├── UnknownServiceError a service the lexicon does not have
    │   ├── NaiveTimeError      a time without a zone
    │   └── ConfigError         a mistake in a configuration file: table, key, fix
    ├── LexiconError            a mistake in a lexicon file: file, entry, fix     (exit code 3)
    ├── ModelError              a model file that is foreign, damaged or too new  (exit code 3)
    ├── OutputError             a result cannot be written                        (exit code 4)
    ├── SourceError             a platform gave nothing; the rest went on         (exit code 5)
    │   ├── UnavailableError    for now: asked again later, and bounded
    │   ├── RefusedError        until its user acts: key, permission, credits
    │   └── BudgetError         the money set aside for it is spent
    ├── StoreError              a database that is damaged, full, foreign, newer  (exit code 6)
    └── BusyError               another job is writing to the same database       (exit code 7)

The command line shows the message of these errors as one line and leaves with
``exit_code``; any other exception is a bug.
"""

from __future__ import annotations


class MinerError(Exception):
    """Base of every error a caller can act on; the message names the next step."""

    exit_code = 1


class InputError(MinerError):
    """A file or table cannot be read as posts."""

    exit_code = 3


class SchemaError(InputError):
    """A table lacks a column, or a column has the wrong type."""


class UsageError(MinerError):
    """An argument makes no sense: a frequency, a time, a name, a combination."""

    exit_code = 2


class UnknownServiceError(UsageError):
    """A service that the lexicon does not have; the message suggests near misses."""


class NaiveTimeError(UsageError):
    """A time without a zone, which could mean any of 38 hours."""


class ConfigError(UsageError):
    """A mistake in a configuration file; the message names file, table, key and fix."""


class LexiconError(MinerError):
    """A mistake in a lexicon file; the message names file, entry and fix."""

    exit_code = 3


class ModelError(MinerError):
    """A model file that is foreign, damaged or made by a newer version."""

    exit_code = 3


class OutputError(MinerError):
    """A result that cannot be written."""

    exit_code = 4


class SourceError(MinerError):
    """A platform gave nothing; what came before is stored and other sources went on."""

    exit_code = 5


class UnavailableError(SourceError):
    """A platform gives nothing for now: it is asked again later.

    ``retry_at`` is when the platform said to come back, in microseconds since
    1970-01-01 UTC, where it said so.
    """

    def __init__(self, message: str, retry_at: int | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class RefusedError(SourceError):
    """A platform gives nothing until its user acts: a key, a permission, credits."""


class BudgetError(SourceError):
    """The money set aside for a source is spent; nothing was asked for."""


class StoreError(MinerError):
    """A database that is damaged, full, foreign, read-only or made by a newer version."""

    exit_code = 6


class BusyError(MinerError):
    """Another job is writing to the same database."""

    exit_code = 7
