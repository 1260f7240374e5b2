"""The public face of counting: ``count`` and ``series``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from miner.counter.dense import Watched, dense_series
from miner.counter.rows import ROW, Codebooks, Rows, recode, rows_of
from miner.counter.tally import Reposts, Rules, Sums, distinct_posts
from miner.counter.times import frequency, instant
from miner.errors import UsageError
from miner.post import DIMENSIONS

_NONE_DELETED = np.zeros(0, dtype=np.uint64)


@dataclass(frozen=True)
class Counts:
    """Labelled posts in a form that adds up: ``count(a) + count(b) == count(a ∪ b)``.

    Addition is a union: a post that both sides have counts once, so that parts may
    overlap and come in any order.
    """

    rows: Rows = field(default_factory=lambda: np.zeros(0, dtype=ROW))
    books: Codebooks = field(default_factory=Codebooks)
    rules: Rules = field(default_factory=Rules)

    def __add__(self, other: Counts) -> Counts:
        """The union of both sides.

        Raises:
            UsageError: the sides were counted by different rules.
        """
        if self.rules != other.rules:
            raise UsageError(f"counts by different rules do not add: {self.rules}, {other.rules}")
        books = Codebooks()
        rows = [recode(side.rows, side.books, books) for side in (self, other)]
        both = np.concatenate(rows)
        return Counts(distinct_posts(both, self.rules, _NONE_DELETED), books, self.rules)

    def __eq__(self, other: object) -> bool:
        """Whether both sides hold the same posts, counted by the same rules."""
        if not isinstance(other, Counts) or self.rules != other.rules:
            return NotImplemented if not isinstance(other, Counts) else False
        books = Codebooks()
        mine, theirs = (recode(side.rows, side.books, books) for side in (self, other))
        fields = [name for name in ROW.names or () if name != "row"]
        return bool(np.array_equal(np.sort(mine[fields]), np.sort(theirs[fields])))

    __hash__ = None  # type: ignore[assignment] # holds arrays

    def series(
        self,
        freq: str = "1min",
        *,
        by: str | None = None,
        services: Iterable[str] | None = None,
        watched: pd.DataFrame | None = None,
        start: str | pd.Timestamp | None = None,
        end: str | pd.Timestamp | None = None,
    ) -> pd.DataFrame:
        """Series table: one row for each service and bin (and value of ``by``).

        Args:
            freq: width of a bin, a pandas frequency from "1s" to "1W".
            by: split by "symptom", "lang", "country" or "source"; sums over the
                values equal the series without a split.
            services: services to show, also those without a post; by default those
                that have one.
            watched: table with UTC columns ``start, end`` (end exclusive), and
                optionally ``service``; by default from the first to the last post.
            start: first bin; by default the first watched one.
            end: end of the last bin, exclusive; by default that of the last watched one.

        Returns:
            ``bin_start`` (UTC), ``service``, the dimension, then
            :data:`miner.post.SERIES_VALUES`. Counts are nullable integers: null where
            ``coverage`` is 0, never 0. Columns of the estimator and the detector are
            null here.

        Raises:
            UsageError: a frequency, dimension or range that makes no sense.
            NaiveTimeError: a time without a zone.
        """
        check_dimension(by)
        width = frequency(freq)
        when = self.rows["when"]
        if watched is not None:
            seen = Watched.of(watched)
        elif len(when):
            seen = Watched.span(int(when.min()), int(when.max()))
        else:
            seen = Watched()
        rows = seen.only_watched(self.rows, self.books)
        return dense_series(
            Sums.of(rows, width, by, self.rules),
            self.books,
            width,
            seen,
            by=by,
            services=None if services is None else list(services),
            start=None if start is None else instant(start, "start"),
            end=None if end is None else instant(end, "end"),
        )


def check_dimension(by: str | None) -> None:
    """Check the name of a dimension.

    Raises:
        UsageError: a dimension that does not exist.
    """
    if by is not None and by not in DIMENSIONS:
        raise UsageError(f"cannot split by {by!r}; use one of {', '.join(DIMENSIONS)}")


def window_seconds(per_author: str | None) -> int | None:
    """Seconds of a window such as "1h"; None and "off" count every complaint.

    Raises:
        UsageError: not a duration of at least a second.
    """
    if per_author is None or per_author == "off":
        return None
    try:
        seconds = int(pd.Timedelta(per_author).total_seconds())
    except (ValueError, OverflowError):
        seconds = 0
    if seconds < 1:
        raise UsageError(f'{per_author!r} is not a window; use "1h", "30min" or "off"')
    return seconds


def count(
    labelled: pd.DataFrame, *, reposts: Reposts = "exclude", per_author: str | None = "1h"
) -> Counts:
    """Counts of a labelled table; they add up over tables.

    Counted once: the same post seen twice (also edited), and the complaints of one
    author about one service within a window.

    Args:
        labelled: needs ``created_at, label``; uses ``source, post_id, service, author,
            symptom, lang, country, is_repost, text, observed_at`` where present.
            Without ``service`` all rows belong to the service "all".
        reposts: "exclude" or "include".
        per_author: window in which an author gives one complaint a service, aligned
            to 1970 UTC ("1h": from full hour to full hour); "off" or None counts all.

    Raises:
        SchemaError: a column is missing.
        NaiveTimeError: times without a zone.
        UsageError: a rule that makes no sense.
    """
    rules = make_rules(reposts, per_author)
    books = Codebooks()
    rows = rows_of(with_service(labelled), books)
    return Counts(distinct_posts(rows, rules, _NONE_DELETED), books, rules)


def make_rules(reposts: str, per_author: str | None) -> Rules:
    """Rules of the two options.

    Raises:
        UsageError: a rule that makes no sense.
    """
    if reposts not in {"exclude", "include"}:
        raise UsageError(f"reposts is {reposts!r}; use exclude or include")
    return Rules("include" if reposts == "include" else "exclude", window_seconds(per_author))


def with_service(labelled: pd.DataFrame) -> pd.DataFrame:
    """The table with a ``service`` in every row: "all" where it names none."""
    if "service" not in labelled.columns:
        return labelled.assign(service="all")
    if labelled["service"].isna().any() or (labelled["service"] == "").any():
        return labelled.assign(service=labelled["service"].replace("", None).fillna("all"))
    return labelled


def series(
    labelled: pd.DataFrame,
    freq: str = "1min",
    *,
    by: str | None = None,
    services: Iterable[str] | None = None,
    watched: pd.DataFrame | None = None,
    start: str | pd.Timestamp | None = None,
    end: str | pd.Timestamp | None = None,
    reposts: Reposts = "exclude",
    per_author: str | None = "1h",
) -> pd.DataFrame:
    """Series table of a labelled table: :func:`count`, then :meth:`Counts.series`."""
    if watched is None:
        watched = watched_of(labelled)
    counts = count(labelled, reposts=reposts, per_author=per_author)
    return counts.series(freq, by=by, services=services, watched=watched, start=start, end=end)


def watched_of(table: pd.DataFrame) -> pd.DataFrame | None:
    """What was watched, as ``read_posts`` notes it on its table, or None."""
    intervals = table.attrs.get("watched")
    if not intervals:
        return None
    return pd.DataFrame(
        {
            "start": pd.to_datetime([start for start, _ in intervals], utc=True),
            "end": pd.to_datetime([end for _, end in intervals], utc=True),
        }
    )
