"""Masks: what the model must not know, each replaced by one sign.

Links and handles say little and are endless; names of services must not decide, so that
an unseen service is not held against a post. The signs are control characters, which
the normal form has taken out of every post.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Final

import ahocorasick_rs
import numpy as np
from numpy.typing import NDArray

from miner.text import fold

U32 = NDArray[np.uint32]
Flags = NDArray[np.bool_]
Span = tuple[int, int, int]  # start, end, code of the sign

URL_SIGN, HANDLE_SIGN, SUPPORT_SIGN, NAME_SIGN = 1, 2, 3, 4
#: How the signs are shown to people.
SIGNS: Final = {
    URL_SIGN: "[link]",
    HANDLE_SIGN: "[@]",
    SUPPORT_SIGN: "[@support]",
    NAME_SIGN: "[service]",
}
#: What a link begins with; the short ones are links only where a word begins.
SCHEMES: Final = ("http://", "https://", "www.")
SHORTENERS: Final = ("pic.twitter.com/", "t.co/", "bit.ly/", "youtu.be/")
_SUPPORT = re.compile(
    "help|support|care|ask|serv|ayuda|atencion|soporte|ajuda|suporte|hilfe|aide|cs_|_cs|team"
)
#: Shorter names are ordinary syllables too often.
_MIN_NAME: Final = 4
_END, _SPACE = 10, 32


def mask(codes: U32, folded: str, is_word: Flags, names: tuple[str, ...]) -> None:
    """Put a sign over each link, handle and name, in place.

    Args:
        codes: code points of folded posts, each ended by a line feed.
        folded: the same as text.
        is_word: which code points are part of a word, same shape.
        names: folded names, at least four characters long.
    """
    # One after the other: there may be a handle in a link, and a name in both.
    _cover(codes, list(_links(codes, folded, is_word)))
    _cover(codes, list(_handles(codes, folded, is_word)))
    if names:
        _cover(codes, _names(codes, folded, is_word, name_finder(names)))


@functools.lru_cache(maxsize=10_000)  # a stream names the same few again and again
def is_support(handle: str) -> bool:
    """Whether a folded handle reads like that of a support account."""
    return _SUPPORT.search(handle) is not None


def maskable(names: Sequence[str]) -> tuple[str, ...]:
    """Names in the form the mask wants: folded, also written as one word, sorted."""
    folded = {fold(name) for name in names}
    glued = {name.replace(" ", "") for name in folded}
    return tuple(sorted(name for name in folded | glued if len(name) >= _MIN_NAME))


@functools.lru_cache(maxsize=4)
def name_finder(names: tuple[str, ...]) -> ahocorasick_rs.AhoCorasick:
    """A search for the longest of the names at each place, compiled once."""
    return ahocorasick_rs.AhoCorasick(
        sorted(names), matchkind=ahocorasick_rs.MatchKind.LeftmostLongest
    )


def _links(codes: U32, folded: str, is_word: Flags) -> Iterator[Span]:
    blank = np.flatnonzero((codes == _SPACE) | (codes == _END))
    end = 0
    for start in sorted(_link_starts(codes, folded, is_word)):
        if start >= end:
            end = int(blank[np.searchsorted(blank, start)])
            yield start, end, URL_SIGN


def _link_starts(codes: U32, folded: str, is_word: Flags) -> Iterator[int]:
    # Links are found by their slashes, which are few; only "www." may come without.
    for slash in np.flatnonzero(codes == ord("/")).tolist():
        head = folded[max(slash - 16, 0) : slash + 1]
        if head.endswith(":/"):
            for scheme in SCHEMES[:2]:
                start = slash + 2 - len(scheme)
                if start >= 0 and folded.startswith(scheme, start):
                    yield start
        elif head.endswith(SHORTENERS):
            for name in SHORTENERS:
                start = slash + 1 - len(name)
                if head.endswith(name) and not (start and _glued(folded, is_word, start)):
                    yield start
    start = folded.find("www.")
    while start >= 0:
        yield start
        start = folded.find("www.", start + 1)


def _glued(folded: str, is_word: Flags, start: int) -> bool:
    return bool(is_word[start - 1]) or folded[start - 1] == "_"


def _handles(codes: U32, folded: str, is_word: Flags) -> Iterator[Span]:
    at = np.flatnonzero(codes == ord("@"))
    if not len(at):
        return
    stops = np.flatnonzero(~is_word & (codes != ord("_")))
    ends = stops[np.searchsorted(stops, at + 1)]
    for start, end in zip(at.tolist(), ends.tolist(), strict=True):
        if end > start + 1:
            yield start, end, SUPPORT_SIGN if is_support(folded[start:end]) else HANDLE_SIGN


def _names(
    codes: U32, folded: str, is_word: Flags, finder: ahocorasick_rs.AhoCorasick
) -> list[Span]:
    found = finder.find_matches_as_indexes(folded)
    if not found:
        return []
    spans = np.array(found, dtype=np.int64)[:, 1:]
    start, end = spans[:, 0], spans[:, 1]
    last = np.maximum(start - 1, 0)
    before = is_word[last] & (start > 0)
    # In "#whatsappdown" the rest of the tag becomes a word of its own.
    hashtag = codes[last] == ord("#")
    # What a link or a handle covers has become blanks and a sign.
    hidden = (codes[start] <= _SPACE) | (codes[end - 1] <= _SPACE)
    whole = ~before & (~is_word[end] | hashtag) & ~hidden
    return [(first, stop, NAME_SIGN) for first, stop in spans[whole].tolist()]


def _cover(codes: U32, spans: list[Span]) -> None:
    if not spans:
        return
    start, end, sign = np.array(spans, dtype=np.int64).T
    step = np.zeros(len(codes) + 1, dtype=np.int32)
    np.add.at(step, start, 1)
    np.add.at(step, end, -1)
    codes[np.cumsum(step[:-1]) > 0] = _SPACE
    codes[start] = sign
