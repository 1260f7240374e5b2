"""Masks: what the model must not know, each replaced by one sign.

Links and handles say little and are endless; names of services must not decide, so that
an unseen service is not held against a post. The signs are control characters: they are
ASCII, and no post holds them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Final

import ahocorasick_rs
import numpy as np
from numpy.typing import NDArray

from miner.text import fold

URL_SIGN, HANDLE_SIGN, SUPPORT_SIGN, NAME_SIGN = "\x01", "\x02", "\x03", "\x04"
#: How the signs are shown to people.
SIGNS: Final = {
    ord(URL_SIGN): "[link]",
    ord(HANDLE_SIGN): "[@]",
    ord(SUPPORT_SIGN): "[@support]",
    ord(NAME_SIGN): "[service]",
}
_URL = re.compile(r"(?:https?://|www\.)\S+|\b(?:pic\.twitter\.com|t\.co|bit\.ly|youtu\.be)/\S+")
_SUPPORT = re.compile(
    r"@\w*(?:help|support|care|ask|serv|ayuda|atencion|soporte|ajuda|suporte|hilfe|aide|cs_|_cs|team)\w*"
)
_HANDLE = re.compile(r"@\w+")
#: Shorter names are ordinary syllables too often.
_MIN_NAME: Final = 4
_SPACE: Final = 32


def without_links_and_handles(text: str) -> str:
    """Text with a sign for each link, each handle, and each handle of a support account."""
    if "/" in text or "www." in text:
        text = _URL.sub(f" {URL_SIGN} ", text)
    if "@" in text:
        text = _HANDLE.sub(f" {HANDLE_SIGN} ", _SUPPORT.sub(f" {SUPPORT_SIGN} ", text))
    return text


class NameMask:
    """Puts one sign over each of the given names that stands as a word or in a hashtag."""

    def __init__(self, names: Sequence[str]) -> None:
        """Compile the names, which are folded and at least four characters long."""
        self._automaton = ahocorasick_rs.AhoCorasick(
            sorted(names), matchkind=ahocorasick_rs.MatchKind.LeftmostLongest
        )

    def apply(self, text: str, codes: NDArray[np.uint32], is_word: NDArray[np.bool_]) -> None:
        """Mask ``codes``, the code points of ``text``, in place."""
        found = self._automaton.find_matches_as_indexes(text)
        if not found:
            return
        spans = np.array(found, dtype=np.int64)[:, 1:]
        last = np.maximum(spans[:, 0] - 1, 0)
        before = is_word[last] & (spans[:, 0] > 0)
        after = is_word[np.minimum(spans[:, 1], len(codes) - 1)]
        hashtag = codes[last] == ord("#")
        for start, end in spans[~before & (~after | hashtag)].tolist():
            # In "#whatsappdown" the rest of the tag becomes a word of its own.
            codes[start:end] = _SPACE
            codes[start] = ord(NAME_SIGN)


@functools.lru_cache(maxsize=4)
def name_mask(names: tuple[str, ...]) -> NameMask:
    """The mask of the names, compiled once."""
    return NameMask(names)


def maskable(names: Sequence[str]) -> tuple[str, ...]:
    """Names in the form the mask wants: folded, also written as one word, sorted."""
    folded = {fold(name) for name in names}
    glued = {name.replace(" ", "") for name in folded}
    return tuple(sorted(name for name in folded | glued if len(name) >= _MIN_NAME))
