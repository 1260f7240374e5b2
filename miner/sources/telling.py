"""What was watched where several questions are asked for one service: what all have told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from miner.sources.protocol import Page

#: From when and up to when all questions of a service are answered; None: not all are yet.
Known = tuple[int, int] | None


def told(
    page: Page,
    before: Mapping[str, Known],
    after: Mapping[str, Known],
    version: Callable[[str], str],
) -> Iterator[Page]:
    """A page with what has become watched by it, each service by its own.

    Where this takes several pages the cursors move with the last one, so that what is
    lost between two of them is told again.

    Args:
        page: without ``watched``.
        before: what was known before the page, by service.
        after: what is known with it.
        version: of what is asked for a service, see ``Page.query``.
    """
    parts = [
        Page(services=(service,), watched=span, query=version(service))
        for service, known in after.items()
        if (span := _grown(before.get(service), known)) is not None
    ]
    if not parts:
        yield page
    elif len(after) == 1:
        yield replace(page, watched=parts[0].watched, query=parts[0].query)
    else:
        yield replace(page, cursors={})
        yield from parts[:-1]
        yield replace(parts[-1], cursors=page.cursors)


def _grown(before: Known, after: Known) -> tuple[int, int] | None:
    if after is None:
        return None
    start, end = after
    start = start if before is None else max(start, before[1])
    return (start, end) if start < end else None
