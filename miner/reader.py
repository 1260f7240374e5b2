"""Archives as one post table, for notebooks; ``miner mine`` reads page by page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from miner.post import post_table
from miner.sources.archive import Report, read_pages, watched_table


def read_posts(
    paths: str | Path | Sequence[str | Path],
    *,
    format: str | None = None,  # noqa: A002 - the word of the command line
    report: Report | None = None,
) -> pd.DataFrame:
    """Post table of archive files, in their order; deleted posts are left out.

    Args:
        paths: files, folders, patterns (``archive/*.zst``); any compression.
        format: the only format to read; by default each record is recognised.
        report: filled with what was read and skipped, and why; print
            ``report.summary()``.

    Returns:
        Columns of :data:`miner.post.POST`, times in UTC. What the files show to have
        been watched is kept in ``attrs["watched"]``, where :func:`miner.series` finds it.

    Raises:
        InputError: a file is missing, binary, or cannot be read as posts.
        UsageError: a format that does not exist.
    """
    report = Report() if report is None else report
    pages = []
    deleted: set[tuple[str, str]] = set()
    for page in read_pages(paths, format=format, report=report):
        pages.append(page.posts)
        deleted.update(page.deleted)
    posts = pd.concat(pages, ignore_index=True) if pages else post_table([])
    if deleted:
        keys = zip(posts["source"].array, posts["post_id"].array, strict=True)
        posts = posts[[key not in deleted for key in keys]].reset_index(drop=True)
    watched = watched_table(report)
    posts.attrs["watched"] = [
        (start.isoformat(), end.isoformat())
        for start, end in zip(watched["start"], watched["end"], strict=True)
    ]
    return posts
