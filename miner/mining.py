"""The main job: archives in, an outage time series out, in memory that stays flat.

It is the same chain a notebook calls by hand (read, match, label, count), page by
page, with a temporary store for what only the whole input can tell: which posts came
twice, which were deleted later, which texts were pasted by many accounts.
"""

from __future__ import annotations

import array
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from miner.classifier import Classifier, label
from miner.counter.count import check_dimension, make_rules, with_service
from miner.counter.dense import Watched, dense_series
from miner.counter.rows import Rows, fingerprints, post_key, rows_of
from miner.counter.tally import Floods, Rules, Sums, Tally, counted
from miner.counter.times import frequency, union
from miner.estimator import SHIPPED, with_limits
from miner.exporter import write_parts
from miner.language import with_languages
from miner.lexicon import Lexicon, load_lexicon
from miner.matcher import match
from miner.matcher.match import Mode
from miner.post import LABELS
from miner.sources.archive import Report, read_pages, watched_table

Keys = NDArray[np.uint64]

#: Called after each page with the report so far.
Progress = Callable[[Report], None]


@dataclass
class Options:
    """What to mine, and how; times are microseconds since 1970 UTC, ends exclusive.

    ``recognise`` tells the language of matched posts that come without one.
    """

    services: Sequence[str] | None = None
    freq: str = "1min"
    by: str | None = None
    start: int | None = None
    end: int | None = None
    mode: Mode = "phrase"
    lexicon: Lexicon = field(default_factory=load_lexicon)
    format: str | None = None
    watched: Sequence[tuple[int, int]] | None = None
    reposts: str = "exclude"
    per_author: str | None = "1h"
    purpose: str = "balanced"
    model: Classifier | None = None
    recognise: bool = False
    posts: str | None = None
    spreadsheet: bool = False
    also_by: Sequence[str] = ()


@dataclass(frozen=True)
class Mined:
    """What came out.

    Attributes:
        series: series table.
        report: what was read and skipped, file by file.
        labels: number of candidates by label; each post and service once.
        outside: candidates at times that nobody watched; they are not counted.
        flooded: accounts that posted a text which many others posted too.
        written: rows written to the file of posts.
        split: the series split by each dimension of ``Options.also_by``.
    """

    series: pd.DataFrame
    report: Report
    labels: dict[str, int]
    outside: int
    flooded: int
    written: int
    split: dict[str, pd.DataFrame] = field(default_factory=dict)


def mine(
    paths: str | Path | Sequence[str | Path], options: Options, progress: Progress | None = None
) -> Mined:
    """Mine archives for an outage time series.

    Raises:
        MinerError: any of its kinds; arguments are checked before anything is read.
    """
    rules = make_rules(options.reposts, options.per_author)
    frequency(options.freq)
    check_dimension(options.by)
    if options.services is not None:
        resolved = [options.lexicon.resolve(name).id for name in options.services]
        options.services = list(dict.fromkeys(resolved))
    report = Report()
    pages = read_pages(paths, format=options.format, report=report)
    with Tally() as tally, _Spool(enabled=options.posts is not None) as spool:
        deleted = array.array("Q")  # eight bytes an id: a stream holds millions
        n_rows = 0
        for page in pages:
            labelled = _labelled(page.posts, options)
            tally.add(rows_of(with_service(labelled), tally.books, n_rows))
            spool.add(labelled)
            deleted.extend(post_key(source, post_id) for source, post_id in page.deleted)
            n_rows += len(labelled)
            if progress is not None:
                progress(report)
        gone = np.unique(np.array(deleted, dtype=np.uint64))
        return _summed(tally, spool, rules, options, report, gone)


def _labelled(posts: pd.DataFrame, options: Options) -> pd.DataFrame:
    if options.start is not None or options.end is not None:
        posts = posts[_inside(posts, options.start, options.end)]
    found = match(posts, options.services, mode=options.mode, lexicon=options.lexicon)
    if options.recognise:
        found = found.assign(lang=with_languages(found["lang"], found["text"]))
    return label(found, options.model, purpose=options.purpose)


def _inside(posts: pd.DataFrame, start: int | None, end: int | None) -> pd.Series:
    """Whether each post was written in the range, by the time that counting uses."""
    times = posts[["created_at", "observed_at"]].min(axis=1)
    keep = pd.Series(data=True, index=posts.index)
    if start is not None:
        keep &= times >= pd.Timestamp(start, unit="us", tz="UTC")
    if end is not None:
        keep &= times < pd.Timestamp(end, unit="us", tz="UTC")
    return keep


def _summed(
    tally: Tally, spool: _Spool, rules: Rules, options: Options, report: Report, deleted: Keys
) -> Mined:
    width = frequency(options.freq)
    if options.watched:
        watched = Watched(everywhere=union(options.watched))
    else:
        watched = Watched.of(watched_table(report))
    marks = _Marks(spool.n_rows)
    floods = Floods()
    parts: dict[str | None, list[Sums]] = {by: [] for by in (options.by, *options.also_by)}
    labels: Counter[str] = Counter()
    outside = 0
    for rows in tally.posts(rules, deleted):
        seen = watched.only_watched(rows, tally.books)
        outside += len(rows) - len(seen)
        labels.update(LABELS[code] for code in seen["label"].tolist())
        flags = counted(seen, rules)
        floods.add(seen[flags])
        if options.posts:
            marks.set(rows, seen[flags])
        for by, sums in parts.items():
            sums.append(Sums.of(seen, width, by, rules))
    tables = {
        by: dense_series(
            Sums.total(sums),
            tally.books,
            width,
            watched,
            by=by,
            services=options.services,
            start=options.start,
            end=options.end,
        )
        for by, sums in parts.items()
    }
    series = tables.pop(options.by)
    if options.model is None:  # the rates of another model are not known
        series = with_limits(series, SHIPPED[options.mode, options.purpose])
    split = {str(by): table for by, table in tables.items()}
    prints = floods.prints()
    written = 0
    if options.posts:
        kept = spool.tables(marks, prints)
        written = write_parts(kept, options.posts, spreadsheet=options.spreadsheet)
    return Mined(series, report, dict(labels), outside, floods.n_accounts(), written, split)


class _Marks:
    """What became of each row of the input: kept as a post, counted as a complaint."""

    def __init__(self, n_rows: int) -> None:
        self.kept = np.zeros(n_rows, dtype=bool)
        self.counted = np.zeros(n_rows, dtype=bool)

    def set(self, kept: Rows, complaints: Rows) -> None:
        self.kept[kept["row"]] = True
        self.counted[complaints["row"]] = True


class _Spool:
    """Labelled posts on disk until it is known which of them stay."""

    def __init__(self, *, enabled: bool) -> None:
        self.n_rows = 0
        self._folder = tempfile.TemporaryDirectory(prefix="miner-") if enabled else None
        self._files: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, labelled: pd.DataFrame) -> None:
        if self._folder is None:
            return
        self.n_rows += len(labelled)
        path = Path(self._folder.name) / f"{len(self._files)}.parquet"
        labelled.to_parquet(path, index=False)
        self._files.append(path)

    def tables(self, marks: _Marks, prints: frozenset[int]) -> Iterator[pd.DataFrame]:
        """Posts that stay, with ``counted`` (as a complaint) and ``flood`` (pasted text)."""
        at = 0
        for path in self._files:
            table = pd.read_parquet(path)
            here = slice(at, at + len(table))
            at += len(table)
            table["counted"] = marks.counted[here]
            table["flood"] = [
                name == "complaint" and not prints.isdisjoint(fingerprints(text))
                for name, text in zip(table["label"].array, table["text"].array, strict=True)
            ]
            yield table[marks.kept[here]]
