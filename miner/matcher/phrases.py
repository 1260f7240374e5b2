"""Finding complaint phrases in a tokenised post."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from miner.lexicon import Element, Lexicon, Phrase
from miner.lexicon.patterns import NEAR, Run
from miner.matcher.sequences import spans


class Found(NamedTuple):
    """A phrase at ``tokens[start:end]``; ``size`` counts the tokens it tests."""

    phrase: Phrase
    start: int
    end: int
    size: int


class _Entry(NamedTuple):
    order: int
    phrase: Phrase
    parts: tuple[Run, ...]


class PhraseFinder:
    """Finds the phrases of a lexicon.

    Each pattern is filed under the words of its rarest element (its anchor), so that a
    post of 30 words looks at a few dozen patterns out of thousands.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        entries = [
            _Entry(order, phrase, parts)
            for order, phrase in enumerate(lexicon.phrases)
            for parts in phrase.pattern.alternatives
        ]
        uses = Counter(
            word for entry in entries for part in entry.parts for e in part for word in e.words
        )
        self._by_word: dict[str, list[_Entry]] = defaultdict(list)
        self._by_prefix: dict[str, list[_Entry]] = defaultdict(list)
        for entry in entries:
            anchor = min((e for part in entry.parts for e in part), key=lambda e: _cost(e, uses))
            for word in anchor.words:
                self._by_word[word].append(entry)
            for prefix in anchor.prefixes:
                self._by_prefix[prefix].append(entry)
        self._prefix_sizes = sorted({len(prefix) for prefix in self._by_prefix})
        self.words = frozenset(uses)

    def find(self, words: Sequence[str]) -> list[Found]:
        """Every phrase that stands in the post, each at its places, in no fixed order."""
        places: dict[str, list[int]] = defaultdict(list)
        for at, word in enumerate(words):
            places[word].append(at)
        found = []
        for entry in self._triggered(places):
            for start, end in _places_of(entry.parts, words, places):
                size = sum(map(len, entry.parts))
                found.append(Found(entry.phrase, start, end, size))
        return found

    def _triggered(self, distinct: Iterable[str]) -> Iterable[_Entry]:
        seen: dict[int, _Entry] = {}
        for word in distinct:
            for entry in self._by_word.get(word, ()):
                seen[id(entry)] = entry
            for size in self._prefix_sizes:
                if size > len(word):
                    break
                for entry in self._by_prefix.get(word[:size], ()):
                    seen[id(entry)] = entry
        return seen.values()


def _cost(element: Element, uses: Counter[str]) -> int:
    # A prefix is looked up for every word of a post, so it is a last resort.
    return sum(uses[word] for word in element.words) + 10_000 * len(element.prefixes)


def _places_of(
    parts: tuple[Run, ...], words: Sequence[str], places: dict[str, list[int]]
) -> list[tuple[int, int]]:
    first = spans(parts[0], words, places)
    if len(parts) == 1 or not first:
        return first
    second = spans(parts[1], words, places)
    return [
        (min(a_start, b_start), max(a_end, b_end))
        for a_start, a_end in first
        for b_start, b_end in second
        if (a_end <= b_start and b_start - a_end <= NEAR)
        or (b_end <= a_start and a_start - b_end <= NEAR)
    ]
