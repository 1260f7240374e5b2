"""Matching compiled patterns against the tokens of a post."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from miner.lexicon.patterns import Run


def matches_after(run: Run, words: Sequence[str], at: int) -> bool:
    """Whether the run stands at ``words[at:]``, gaps allowed."""
    return end_after(run, words, at) is not None


def end_after(run: Run, words: Sequence[str], at: int) -> int | None:
    """Index behind the run when it starts at ``at`` (its first gap included), else None."""
    if not run:
        return at
    first = run[0]
    for place in range(at, min(at + first.gap + 1, len(words))):
        if first.accepts(words[place]):
            end = end_after(run[1:], words, place + 1)
            if end is not None:
                return end
    return None


def spans(
    run: Run, words: Sequence[str], places: Mapping[str, Sequence[int]]
) -> list[tuple[int, int]]:
    """All ``(start, end)`` of a run; ``places`` are the positions of each distinct word."""
    first = run[0]
    if not first.prefixes and len(first.words) < len(places):
        starts = [at for word in first.words for at in places.get(word, ())]
    else:
        starts = [at for word, found in places.items() if first.accepts(word) for at in found]
    result = []
    for start in starts:
        end = end_after(run[1:], words, start + 1)
        if end is not None:
            result.append((start, end))
    return result
