"""Every error a caller can act on.

    MinerError                  base of all; never raised itself
    ├── InputError              a file or table cannot be read as posts          (exit code 3)
    │   └── SchemaError         a table lacks a column or has a wrong type
    ├── UsageError              an argument makes no sense: frequency, time, name (exit code 2)
    │   ├── UnknownServiceError a service the lexicon does not have
    │   └── NaiveTimeError      a time without a zone
    ├── LexiconError            a mistake in a lexicon file: file, entry, fix     (exit code 3)
    ├── ModelError              a model file that is foreign, damaged or too new  (exit code 3)
    └── OutputError             a result cannot be written                        (exit code 4)

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


class LexiconError(MinerError):
    """A mistake in a lexicon file; the message names file, entry and fix."""

    exit_code = 3


class ModelError(MinerError):
    """A model file that is foreign, damaged or made by a newer version."""

    exit_code = 3


class OutputError(MinerError):
    """A result that cannot be written."""

    exit_code = 4
