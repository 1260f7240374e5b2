"""Finding the services that a post names."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import ahocorasick_rs

from miner.lexicon import Element, Lexicon, Service
from miner.lexicon.patterns import Run
from miner.matcher.sequences import matches_after
from miner.text import fold, is_plain, tokens

#: An ambiguous name counts when a context word stands within this many tokens.
CONTEXT: Final = 8
#: In the handle of a stranger ("@whatsappfan") only sure names of this length count.
MIN_GLUED: Final = 4


class Mention(NamedTuple):
    """A service named at ``tokens[start:end]``; ``frame`` is the frame around it, if any."""

    service: str
    start: int
    end: int
    frame: str | None


class _Name(NamedTuple):
    tokens: tuple[str, ...]
    service: str
    sure: bool


class _Frame(NamedTuple):
    text: str
    before: Run  # nearest token first
    after: Run


class NameFinder:
    """Finds names of the given services; every occurrence follows the lexicon's rules."""

    def __init__(
        self, lexicon: Lexicon, services: Sequence[Service], words: frozenset[str]
    ) -> None:
        """Compile the names; ``words`` are the words of all phrases, for hashtags."""
        # Names of every service are known, also of those not asked for: the longest
        # name wins, so that "microsoft teams" never counts for another "teams".
        self._wanted = {service.id for service in services}
        self._names: dict[str, list[_Name]] = defaultdict(list)
        self._handles: dict[str, str] = {}
        self._denied: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        self._context: dict[str, tuple[frozenset[str], list[tuple[str, ...]]]] = {}
        for service in lexicon.services.values():
            self._add(service)
        for names in self._names.values():
            names.sort(key=lambda name: -len(name.tokens))
        self._frames = _FrameIndex(lexicon)
        self._sure_glued = frozenset(
            name.tokens[0]
            for names in self._names.values()
            for name in names
            if name.sure and len(name.tokens) == 1 and len(name.tokens[0]) >= MIN_GLUED
        )
        name_words = {word for names in self._names.values() for n in names for word in n.tokens}
        self.known = words | name_words
        self._glue = frozenset(
            word for word in self.known if len(word) > 2 or (word in words and len(word) == 2)
        )
        self._longest = max(map(len, self._glue), default=0)
        self._screen = _Screen(self._wanted_names())
        self.split = functools.lru_cache(maxsize=20_000)(self._split)

    def _add(self, service: Service) -> None:
        sure_names = (*service.aliases, *service.misspellings, *service.hashtags)
        ambiguous = {" ".join(tokens(name)) for name in service.ambiguous}
        for name, sure in [(n, True) for n in sure_names] + [(n, False) for n in service.ambiguous]:
            words = tuple(tokens(name))
            self._names[words[0]].append(_Name(words, service.id, sure))
            if len(words) > 1:  # "#primevideo", "whats app" written as one word
                glued = "".join(words)
                # "at&t" is sure, "att" is a Swedish word.
                glued_sure = sure and glued not in ambiguous
                self._names[glued].append(_Name((glued,), service.id, glued_sure))
        for handle in service.handles:
            self._handles["@" + fold(handle)] = service.id
        for phrase in service.deny:
            words = tuple(tokens(phrase))
            self._denied[words[0]].append((words, service.id))
        context = [tuple(tokens(phrase)) for phrase in service.context]
        single = frozenset(words[0] for words in context if len(words) == 1)
        self._context[service.id] = (single, [words for words in context if len(words) > 1])

    def _wanted_names(self) -> Iterator[str]:
        for names in self._names.values():
            for name in names:
                if name.service in self._wanted:
                    yield max(name.tokens, key=len)
        for handle, service in self._handles.items():
            if service in self._wanted:
                yield handle[1:]

    def may_mention(self, text: str) -> bool:
        """Whether the text could name a service: fast, never wrong when it says no."""
        return self._screen.passes(text)

    def find(self, words: Sequence[str]) -> list[Mention]:
        """Mentions of wanted services in a tokenised post, at most one a service.

        A mention inside a frame is preferred, then the first one.
        """
        spans = [span for span in self._spans(words) if span[0].service in self._wanted]
        frames = self._frames.possible(words) if spans else []
        best: dict[str, Mention] = {}
        for name, start, end in spans:
            if self._is_denied(words, name, start, end):
                continue
            frame = _frame_at(frames, words, start, end)
            if not name.sure and frame is None and not self._has_context(words, name, start, end):
                continue
            known = best.get(name.service)
            if known is None or (known.frame is None and frame is not None):
                best[name.service] = Mention(name.service, start, end, frame)
        return list(best.values())

    def _spans(self, words: Sequence[str]) -> list[tuple[_Name, int, int]]:
        found: list[tuple[_Name, int, int]] = []
        for start, word in enumerate(words):
            handle = self._handles.get(word)
            if handle is not None:
                found.append((_Name((word,), handle, sure=True), start, start + 1))
            length = 0
            for name in self._names.get(word, ()):
                size = len(name.tokens)
                if size < length:
                    break  # sorted by length: the longest name at this place wins
                if size == 1 or tuple(words[start : start + size]) == name.tokens:
                    found.append((name, start, start + size))
                    length = size
        return [
            (name, start, end)
            for name, start, end in found
            if not any(
                other_start <= start and end <= other_end and other_end - other_start > end - start
                for _, other_start, other_end in found
            )
        ]

    def _is_denied(self, words: Sequence[str], name: _Name, start: int, end: int) -> bool:
        for at in range(max(0, start - 6), end):
            for phrase, service in self._denied.get(words[at], ()):
                stop = at + len(phrase)
                if (
                    service == name.service
                    and stop >= end
                    and at <= start
                    and tuple(words[at:stop]) == phrase
                ):
                    return True
        return False

    def _has_context(self, words: Sequence[str], name: _Name, start: int, end: int) -> bool:
        single, several = self._context[name.service]
        low, high = max(0, start - CONTEXT), min(len(words), end + CONTEXT)
        around = [*words[low:start], *words[end:high]]
        if not single.isdisjoint(around):
            return True
        return any(
            tuple(words[at : at + len(phrase)]) == phrase
            for phrase in several
            for at in range(low, high - len(phrase) + 1)
        )

    def _split(self, piece: str, is_handle: bool) -> list[str]:
        """Words glued in a hashtag: the cheapest cut into known words.

        A known word costs 1, an unknown run 2 and 1 a character, so that whole known
        words win and a name in front of an unknown rest is still found.
        """
        if is_handle:
            return [name for name in _prefixes(piece) if name in self._sure_glued][-1:]
        if piece in self._glue or len(piece) > 80:
            return [piece]
        size = len(piece)
        best: list[tuple[int, int, bool]] = [(0, 0, False)] + [(1 << 30, 0, False)] * size
        for end in range(1, size + 1):
            for start in range(max(0, end - max(self._longest, 1)), end):
                if piece[start:end] in self._glue:
                    cost = best[start][0] + 1
                    if cost < best[end][0]:
                        best[end] = (cost, start, True)
            cost, _, was_known = best[end - 1]
            cost += 1 if end > 1 and not was_known else 3
            if cost < best[end][0]:
                best[end] = (cost, end - 1, False)
        return _walk_back(piece, best)


def _walk_back(piece: str, best: list[tuple[int, int, bool]]) -> list[str]:
    parts: list[str] = []
    end, tail = len(piece), len(piece)
    while end:
        _, start, is_known = best[end]
        if is_known:
            if tail > end:
                parts.append(piece[end:tail])
            parts.append(piece[start:end])
            tail = start
        end = start
    if tail:
        parts.append(piece[:tail])
    return parts[::-1]


def _prefixes(piece: str) -> Iterator[str]:
    return (piece[:end] for end in range(MIN_GLUED, len(piece) + 1))


class _FrameIndex:
    """The frames by a word that each of them needs, so that a post tries only a few."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._by_word: dict[str, list[_Frame]] = defaultdict(list)
        self._always: list[_Frame] = []
        for frame in lexicon.frames:
            for parts in frame.pattern.alternatives:
                self._add(frame.text, parts)

    def _add(self, text: str, parts: tuple[Run, ...]) -> None:
        if len(parts) != 1:
            return  # "&" around a name says no more than a phrase does
        (sequence,) = parts
        at = next(index for index, element in enumerate(sequence) if element.is_name)
        # Read backwards, the gap in front of an element lies behind it.
        gaps = [element.gap for element in sequence[1 : at + 1]]
        before = tuple(
            Element(element.words, element.prefixes, gap)
            for element, gap in zip(sequence[:at], gaps, strict=True)
        )[::-1]
        frame = _Frame(text, before, sequence[at + 1 :])
        whole = [element for element in (*before, *frame.after) if not element.prefixes]
        if not whole:
            self._always.append(frame)
            return
        for word in min(whole, key=lambda element: len(element.words)).words:
            self._by_word[word].append(frame)

    def possible(self, words: Sequence[str]) -> list[_Frame]:
        """Frames whose needed word stands in the post."""
        found = [frame for word in dict.fromkeys(words) for frame in self._by_word.get(word, ())]
        return found + self._always


def _frame_at(frames: Sequence[_Frame], words: Sequence[str], start: int, end: int) -> str | None:
    """Text of a frame around ``words[start:end]``, the first in the alphabet, or None."""
    reversed_before = words[start - 1 :: -1] if start else []
    texts = [
        frame.text
        for frame in frames
        if matches_after(frame.after, words, end)
        and matches_after(frame.before, reversed_before, 0)
    ]
    return min(texts, default=None)


class _Screen:
    """A quick look whether any name may stand in a text, before it is normalised."""

    def __init__(self, names: Iterable[str]) -> None:
        unique = sorted(set(names))
        long = [name for name in unique if len(name) > 3]
        short = "|".join(re.escape(name) for name in unique if len(name) <= 3)
        self._long = ahocorasick_rs.AhoCorasick(long) if long else None
        # CJK names may stand inside a run of other characters, Latin ones may not.
        self._short = (
            re.compile(rf"(?<![a-z0-9])(?:{short})(?![a-z0-9])|[#@](?:{short})") if short else None
        )

    def passes(self, text: str) -> bool:
        folded = fold(text)
        if not is_plain(folded) and _has_run(folded):
            return True
        if "'" in folded:
            folded = folded.replace("'", "")
        if self._long is not None and self._long.find_matches_as_indexes(folded):
            return True
        return self._short is not None and self._short.search(folded) is not None


_RUN = re.compile(r"([^\W\d_])\1\1")


def _has_run(folded: str) -> bool:
    return _RUN.search(folded) is not None
