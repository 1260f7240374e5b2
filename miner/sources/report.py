"""What reading files came to: posts, skips and their reasons, the time that was watched."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd

from miner.formats.times import SECOND
from miner.post import UTC_DTYPE

_EXAMPLES: Final = 5
_EXCERPT: Final = 80

#: Distinct reasons kept for a file; reasons name what archives hold, which has no bound.
_REASONS: Final = 100


@dataclass
class FileReport:
    """What one file came to.

    The law: ``records == posts + deletions + sum(skipped.values())``, and each of the
    ``lines`` gives at least one record.

    Attributes:
        path: as the user wrote it, or as the folder or pattern gave it.
        compression: ``gzip``, ``bz2``, ``xz``, ``zstd`` or ``none``.
        formats: names of the formats that records were recognised as.
        lines: lines that are not blank, JSON documents, or rows; a tear counts as one.
        records: what the lines hold: the elements and errors of a page, else one each.
        posts: records that gave a post.
        deletions: records that take a post back.
        skipped: records that gave neither, by reason.
        notes: things to know about records that were read, by what they are.
        examples: the first skipped records: line, reason, beginning of the text.
        unreadable: why the file could not be read, where a folder brought it along.
        watched: by source, the first and the last time seen, microseconds since
            1970-01-01 UTC, both inclusive.
    """

    path: str
    compression: str = "none"
    formats: list[str] = field(default_factory=list)
    lines: int = 0
    records: int = 0
    posts: int = 0
    deletions: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[int, str, str]] = field(default_factory=list)
    unreadable: str | None = None
    watched: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether the file holds nothing but white space, or a header alone."""
        return not self.lines and self.unreadable is None

    def skip(self, line: int, reason: str, raw: object) -> None:
        """Count a record that gives nothing."""
        self.records += 1
        if reason not in self.skipped and len(self.skipped) >= _REASONS:
            reason = reason.partition(":")[0] + ": other"
        self.skipped[reason] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append((line, reason, _excerpt(raw)))

    def watch(self, source: str, at: int) -> None:
        """Extend what was watched of a source to a time."""
        first, last = self.watched.get(source, (at, at))
        if not first < at < last:
            self.watched[source] = (min(first, at), max(last, at))

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values; times are ISO 8601 in UTC."""
        return {
            "path": self.path,
            "compression": self.compression,
            "unreadable": self.unreadable,
            "formats": list(self.formats),
            "lines": self.lines,
            "records": self.records,
            "posts": self.posts,
            "deletions": self.deletions,
            "skipped": dict(self.skipped.most_common()),
            "notes": dict(self.notes.most_common()),
            "examples": [list(example) for example in self.examples],
            "watched": {
                source: [_iso(first), _iso(last)]
                for source, (first, last) in sorted(self.watched.items())
            },
        }


@dataclass
class Report:
    """What reading came to, file by file; complete when the last page was taken."""

    files: list[FileReport] = field(default_factory=list)

    @property
    def records(self) -> int:
        """Records of all files."""
        return sum(file.records for file in self.files)

    @property
    def posts(self) -> int:
        """Posts of all files."""
        return sum(file.posts for file in self.files)

    @property
    def deletions(self) -> int:
        """Deletions of all files."""
        return sum(file.deletions for file in self.files)

    @property
    def skipped(self) -> Counter[str]:
        """Skipped records of all files, by reason."""
        return sum((file.skipped for file in self.files), Counter[str]())

    @property
    def notes(self) -> Counter[str]:
        """Notes on the records of all files."""
        return sum((file.notes for file in self.files), Counter[str]())

    def to_json(self) -> dict[str, Any]:
        """Totals and files as JSON values."""
        return {
            "records": self.records,
            "posts": self.posts,
            "deletions": self.deletions,
            "skipped": dict(self.skipped.most_common()),
            "notes": dict(self.notes.most_common()),
            "files": [file.to_json() for file in self.files],
        }

    def summary(self) -> str:
        """A few lines for people, without a newline at the end."""
        skipped = self.skipped
        total = (
            f"{_count(self.posts, 'post')}, {_count(self.deletions, 'deletion')}, "
            f"{skipped.total():,} skipped, from {_count(self.records, 'record')} "
            f"in {_count(len(self.files), 'file')}"
        )
        lines = [total]
        lines += [f"  skipped {number:,}: {reason}" for reason, number in skipped.most_common(8)]
        if len(skipped) > 8:
            lines.append(f"  skipped for {len(skipped) - 8} more reasons")
        lines += [f"  note {number:,}: {note}" for note, number in self.notes.most_common()]
        lines += [f"  empty: {file.path}" for file in self.files if file.is_empty]
        lines += [f"  not read: {file.unreadable}" for file in self.files if file.unreadable]
        examples = [(file.path, *example) for file in self.files for example in file.examples]
        lines += [
            f"  {path}:{line}: {reason}: {excerpt}"
            for path, line, reason, excerpt in examples[:_EXAMPLES]
        ]
        return "\n".join(lines)


def watched_table(report: Report) -> pd.DataFrame:
    """What each file shows to have been watched: ``file, source, start, end`` (UTC).

    ``start`` is the first time floored to the second, ``end`` the last one plus one
    second and not included. A file that was read in part, or that has gaps, does not
    say so: this is the range of its records, no more.
    """
    rows = [
        (file.path, source, first - first % SECOND, last + SECOND)
        for file in report.files
        for source, (first, last) in sorted(file.watched.items())
    ]
    table = pd.DataFrame(rows, columns=["file", "source", "start", "end"])
    times = {
        name: pd.to_datetime(table[name].astype("Int64"), unit="us", utc=True).astype(UTC_DTYPE)
        for name in ("start", "end")
    }
    return table.assign(**times).astype({"file": "str", "source": "str"})


def _excerpt(raw: object) -> str:
    if isinstance(raw, bytes):
        text = raw[: 4 * _EXCERPT].decode(errors="replace")
    else:
        text = str(raw)[: 4 * _EXCERPT]
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "…"


def _iso(at: int) -> str:
    return pd.Timestamp(at, unit="us", tz="UTC").isoformat()


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
