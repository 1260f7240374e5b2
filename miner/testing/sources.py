"""The contract of a source, checked: ``check_source`` for every adapter, in one line.

>>> check_source(Example, Pull(("whatsapp",), url=server.url))     # doctest: +SKIP
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from miner.counter.times import SECOND, is_watched, union
from miner.formats.times import is_plausible
from miner.post import Post
from miner.sources.protocol import Page, Pull, Source

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*\Z")
_AUTHOR: Final = re.compile(r"h_[0-9a-f]{16}\Z")

Key = tuple[str, str]


class ContractError(AssertionError):
    """A source breaks a rule of :mod:`miner.sources.protocol`; the message says which."""


def check_source(
    make: Callable[[], Source], pull: Pull, *, late: float = 60.0, most_pages: int = 2_000
) -> list[Page]:
    """Check a source against a platform that holds still: a recording, a test server.

    Args:
        make: makes a new source, as the entry point does.
        pull: what to ask for, without cursors; it is asked with ``catch_up``.
        late: seconds by which a post may come after the time it claims.
        most_pages: more pages than this are taken for a loop.

    Returns:
        The pages of an uninterrupted pull, for more checks of your own.

    Raises:
        ContractError: the source breaks a rule.
    """
    pull = dataclasses.replace(pull, catch_up=True)
    name = make().name
    _require(bool(_NAME.match(name)), f"name {name!r} is not lower-case letters, digits and _")
    pages = _run(make, pull, most_pages)
    for page in pages:
        _check_page(page, name, pull)
    _check_watched(pages, pull, late)
    whole = _keys(pages)
    _require(bool(whole), "no page holds a post; let the platform hold some")
    for n_pages in range(len(pages)):
        _check_resumption(make, pull, pages[:n_pages], pages, most_pages)
    again = _run(make, dataclasses.replace(pull, cursors=_cursors(pages)), most_pages)
    new = _keys(again) - whole
    _require(not new, f"asked again from its last cursors, it gives posts never given: {new}")
    _check_stopping(make, pull)
    return pages


def _run(make: Callable[[], Source], pull: Pull, most: int) -> list[Page]:
    pages = list(itertools.islice(make().pages(pull), most + 1))
    _require(len(pages) <= most, f"more than {most} pages: does it go round in circles?")
    return pages


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ContractError(message)


def _check_page(page: Page, name: str, pull: Pull) -> None:
    for post in (*page.posts, *page.edits):
        _check_post(post, name)
    for deletion in page.deletions:
        _require(deletion.source == name, f"a deletion of another source: {deletion}")
    for key, value in page.cursors.items():
        # Types are promises; a source without a type checker may break them.
        texts = {type(part) for part in (key, value)} == {str}
        _require(texts, f"a cursor is not text: {key!r}: {value!r}")
    ids = {post.post_id for post in (*page.posts, *page.edits)}
    strays = set(page.raws) - ids
    _require(not strays, f"raws of posts that are not in the page: {sorted(strays)[:3]}")
    others = set(page.services or ()) - set(pull.services)
    _require(not others, f"services that nobody asked for: {sorted(others)}")
    spans = [*([page.watched] if page.watched else []), *((g.start, g.end) for g in page.gaps)]
    for start, end in spans:
        _require(is_plausible(start) and start < end, f"no interval: {start} to {end}")


def _check_post(post: Post, name: str) -> None:
    what = f"post {post.post_id!r}"
    _require(post.source == name, f"{what} has source {post.source!r}, not {name!r}")
    _require(post.post_id != "" and type(post.post_id) is str, f"{what} has no id")
    _require(type(post.text) is str, f"{what} has no text")
    _require(type(post.created_at) is int, f"{what}: created_at is not whole microseconds")
    seen = post.observed_at is not None and is_plausible(post.observed_at)
    _require(seen, f"{what}: observed_at is no time in microseconds; set it from pull.clock")
    hashed = post.author is None or bool(_AUTHOR.match(post.author))
    _require(hashed, f"{what} names its author; hash_author(handle, pull.author_key) hides it")


def _check_watched(pages: list[Page], pull: Pull, late: float) -> None:
    """Rule 3: what was watched after some pages has no post that comes later.

    Each service by its own: a source may ask for one after the other.
    """
    margin = round(late * SECOND)
    for service in pull.services:
        mine = [page for page in pages if page.services is None or service in page.services]
        spans: list[tuple[int, int]] = []
        for n_pages, page in enumerate(mine, 1):
            if page.watched is None:
                continue
            spans = union([*spans, page.watched])
            sure = [(start, end - margin) for start, end in spans if start < end - margin]
            early = _keys(mine[:n_pages])
            for post in (post for page in mine[n_pages:] for post in page.posts):
                missed = bool(_is_inside(post.created_at, sure)) and _key(post) not in early
                _require(
                    not missed,
                    f"post {post.post_id!r} comes after page {n_pages}, which said that its time "
                    "was watched; give the interval with the last page of a slice",
                )


def _is_inside(at: int, spans: list[tuple[int, int]]) -> bool:
    import numpy as np

    return bool(is_watched(np.array([at], dtype=np.int64), spans)[0])


def _check_resumption(
    make: Callable[[], Source], pull: Pull, before: list[Page], whole: list[Page], most: int
) -> None:
    """Rules 1 and 2: abandoned after any page and asked again, nothing is missing."""
    after = _run(make, dataclasses.replace(pull, cursors=_cursors(before)), most)
    lost = _keys(whole) - _keys([*before, *after])
    _require(
        not lost,
        f"abandoned after page {len(before)} and asked again, {len(lost)} posts are lost, such "
        f"as {next(iter(lost), None)}; move a cursor with the last page of a slice",
    )
    spans, wanted = _watched([*before, *after], pull), _watched(whole, pull)
    _require(
        spans == wanted,
        f"abandoned after page {len(before)} and asked again, it says that {spans} was "
        f"watched, uninterrupted {wanted}",
    )


def _check_stopping(make: Callable[[], Source], pull: Pull) -> None:
    pages = make().pages(dataclasses.replace(pull, stopping=lambda: True))
    n_pages = sum(1 for _ in itertools.islice(pages, 3))
    _require(n_pages <= 1, "it goes on although pull.stopping() is true; look between requests")


def _watched(pages: Iterable[Page], pull: Pull) -> Mapping[str, list[tuple[int, int]]]:
    return {
        service: union(
            page.watched
            for page in pages
            if page.watched is not None and (page.services is None or service in page.services)
        )
        for service in pull.services
    }


def _cursors(pages: Iterable[Page]) -> Mapping[str, str]:
    return {name: value for page in pages for name, value in page.cursors.items()}


def _keys(pages: Iterable[Page]) -> set[Key]:
    return {_key(post) for page in pages for post in page.posts}


def _key(post: Post) -> Key:
    return post.source, post.post_id
