"""The phrase grammar: one line of a lexicon file to sequences of token tests.

Words separated by blanks are adjacent tokens; ``a|b`` alternatives for one token;
``word*`` a prefix; ``<name>`` a macro of the file; ``...`` a gap of at most
:data:`GAP` tokens (:data:`GAP_CJK` where the words around it are kana or kanji, whose
tokens are single characters); ``a & b`` both within :data:`NEAR` tokens in any order;
``{}`` in frames stands for the name of a service.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from miner.text import CJK, tokens

GAP: Final = 7
GAP_CJK: Final = 14
NEAR: Final = 8
#: A pattern that expands to more sequences than this is a mistake of its author.
MAX_SEQUENCES: Final = 2_000

_IS_CJK = re.compile(f"[{CJK}]")


class PatternError(ValueError):
    """A line that the grammar does not allow; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Element:
    """Test of one token: equal to one of ``words`` or beginning with one of ``prefixes``.

    ``gap`` tokens at most may stand between the element before and this one.
    """

    words: frozenset[str]
    prefixes: tuple[str, ...] = ()
    gap: int = 0
    is_name: bool = False

    def accepts(self, token: str) -> bool:
        """Whether the token passes."""
        return token in self.words or (bool(self.prefixes) and token.startswith(self.prefixes))


Run = tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled line: any of ``alternatives``; each is one sequence, or two for ``&``."""

    alternatives: tuple[tuple[Run, ...], ...]

    def n_phrases(self) -> int:
        """Number of concrete phrases that the pattern stands for."""
        total = 0
        for parts in self.alternatives:
            product = 1
            for element in itertools.chain.from_iterable(parts):
                product *= max(1, len(element.words) + len(element.prefixes))
            total += product
        return total


def compile_pattern(line: str, macros: Mapping[str, Sequence[str]]) -> Pattern:
    """Pattern of a line; a line that the grammar does not allow raises PatternError."""
    # "{}が落ちた": scripts without blanks write the name and the words together.
    sides = [side.strip() for side in line.replace("{}", " {} ").split("&")]
    if len(sides) > 2 or not all(sides):
        raise PatternError("'&' joins exactly two parts: \"a & b\"")
    expanded = [_sequences(side, macros) for side in sides]
    alternatives = tuple(itertools.product(*expanded))
    if len(alternatives) > MAX_SEQUENCES:
        raise PatternError(
            f"stands for {len(alternatives)} sequences; use single-word macros or fewer of them"
        )
    return Pattern(alternatives)


def _sequences(side: str, macros: Mapping[str, Sequence[str]]) -> list[Run]:
    """All sequences of one side.

    Single words stay alternatives of one element; entries of several tokens multiply
    the sequences.
    """
    slots: list[list[tuple[Element, ...]]] = []
    gap = 0
    for item in side.split():
        if item in {"...", "…"}:
            if not slots or gap:
                raise PatternError("'...' stands between two words")
            gap = GAP
            continue
        slots.append([_with_gap(run, gap) for run in _slot(item, macros)])
        gap = 0
    if gap or not slots:
        raise PatternError("'...' stands between two words")
    return [tuple(itertools.chain.from_iterable(choice)) for choice in itertools.product(*slots)]


def _with_gap(run: tuple[Element, ...], gap: int) -> tuple[Element, ...]:
    if not gap:
        return run
    first = run[0]
    if any(_IS_CJK.search(word) for word in first.words):
        gap = GAP_CJK
    return (Element(first.words, first.prefixes, gap, first.is_name), *run[1:])


def _slot(item: str, macros: Mapping[str, Sequence[str]]) -> list[tuple[Element, ...]]:
    """Alternatives of one place in the line, each a run of elements."""
    if item == "{}":
        return [(Element(frozenset(), is_name=True),)]
    entries: list[str] = []
    for choice in item.split("|"):
        name = choice[1:-1] if choice.startswith("<") and choice.endswith(">") else None
        if name is None:
            if not choice or "<" in choice or ">" in choice:
                raise PatternError(f"{item!r} is not a word, 'a|b', 'word*' or '<macro>'")
            entries.append(choice)
        elif name in macros:
            entries.extend(macros[name])
        else:
            raise PatternError(
                f"the macro <{name}> is not in [words]; it has: {', '.join(sorted(macros))}"
            )
    words: set[str] = set()
    prefixes: set[str] = set()
    runs: list[tuple[Element, ...]] = []
    for entry in entries:
        run = _run(entry)
        if len(run) == 1:
            words |= run[0].words
            prefixes |= set(run[0].prefixes)
        else:
            runs.append(run)
    if words or prefixes:
        runs.insert(0, (Element(frozenset(words), tuple(sorted(prefixes))),))
    return runs


@functools.lru_cache(maxsize=50_000)  # macros repeat the same words a hundred times
def _run(entry: str) -> tuple[Element, ...]:
    """Elements of one entry, which may be several tokens ("going through", "繋がらない")."""
    is_prefix = entry.endswith("*")
    pieces = tokens(entry.removesuffix("*"))
    if not pieces:
        raise PatternError(f"{entry!r} has no letters or digits")
    elements = [Element(frozenset({piece})) for piece in pieces]
    if is_prefix:
        elements[-1] = Element(frozenset(), (pieces[-1],))
    return tuple(elements)


def spellings(line: str, macros: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """Concrete spellings of a line as its author wrote the words, for search queries.

    Each is a tuple of adjacent runs: ``("can't", "send")`` for ``can't ... send``.
    Prefixes are left out, since the platforms search for whole words; so is the name in
    a frame.
    """
    runs = re.split(r"\s+(?:\.\.\.|…|&)\s+", line.strip())
    return list(itertools.product(*(_spellings_of_run(run, macros) for run in runs)))


def _spellings_of_run(run: str, macros: Mapping[str, Sequence[str]]) -> list[str]:
    places = []
    for item in run.replace("{}", " ").split():
        entries: list[str] = []
        for choice in item.split("|"):
            is_macro = choice.startswith("<")
            entries.extend(macros[choice[1:-1]] if is_macro else [choice])
        places.append([entry for entry in entries if not entry.endswith("*")])
    return [" ".join(choice) for choice in itertools.product(*places)]
