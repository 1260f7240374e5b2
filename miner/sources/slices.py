"""Time slices: how a platform that lists the newest first is read without holes.

Such a platform is asked for one slice after another, the oldest first; only when the
last page of a slice has come does the cursor move to the slice's end. An interrupted
slice is read again from its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator


def slices(start: int, end: int, width: int) -> Iterator[tuple[int, int]]:
    """Intervals that cover ``[start, end)``, cut at multiples of ``width`` microseconds.

    Cuts lie at fixed times, not at multiples from ``start``, so that two pulls of the
    same range ask for the same slices.
    """
    while start < end:
        until = min(end, start - start % width + width)
        yield start, until
        start = until
