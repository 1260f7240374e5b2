"""Texts to one buffer of code points in the normal form, a whole batch at a time.

The posts of a batch are joined, each ended by a line feed, and every step is one pass
over the buffer: at 100,000 posts a second there is no time for a Python call a word.
:func:`miner.classifier.reference.plain_normal` says the same for one text with plain
string operations; a test holds the two together.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from miner.classifier.masking import SIGNS, mask
from miner.text import CJK, fold

U32 = NDArray[np.uint32]
Flags = NDArray[np.bool_]

END: Final = 10  # line feed, after every post
SPACE: Final = 32
#: Kinds of code points: part of a word, a token by itself, or nothing.
OTHER, WORD, SINGLE = 0, 1, 2
#: Code points beyond are all alike, and nothing.
_KNOWN: Final = 0x20000


def normal_form(texts: Sequence[str], names: tuple[str, ...]) -> U32:
    """Code points of the posts: folded, masked, without elongation.

    Args:
        texts: one a post.
        names: what is masked as the name of a service.
    """
    text = "\n".join([_composed(t) for t in texts]) + "\n"
    if text.isascii():
        codes = np.take(_folds(), np.frombuffer(text.encode("ascii"), dtype=np.uint8))
        folded = text.lower()
    else:
        raw = np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32)
        codes = np.take(_folds(), raw, mode="clip")
        codes = codes[codes != 0]
        folded = codes.tobytes().decode("utf-32-le")
    mask(codes, folded, kinds(codes) == WORD, names)
    digit = codes - np.uint32(ord("0")) < 10  # below "0" the difference wraps to a large one
    codes[digit] = ord("0")
    return _without_runs(codes)


def kinds(codes: U32) -> NDArray[np.uint8]:
    """Kind of each code point: :data:`WORD`, :data:`SINGLE` or :data:`OTHER`."""
    return np.take(_kind_table(), codes, mode="clip")


def folded_code(sign: str) -> int:
    """The code point that one character is read as; 0 where it is left out."""
    return int(_folds()[min(ord(sign), _KNOWN - 1)])


def _composed(text: str) -> str:
    if "\n" in text:
        text = text.replace("\n", " ")
    if text.isascii():
        return text
    # Two letters out of one cannot be told by a table of single code points.
    return unicodedata.normalize("NFKC", text).replace("ß", "ss")


@functools.cache
def _folds() -> U32:
    """The code point that each one is read as; 0 for those that are left out."""
    table = np.arange(_KNOWN, dtype=np.uint32)
    codes = [code for code in range(_KNOWN) if not 0xD800 <= code <= 0xDFFF and code != END]
    # One call for all: a hundred thousand calls would take half a second.
    folded = fold("\n".join(map(chr, codes))).split("\n")
    table[codes] = [ord(sign[0]) if sign else 0 for sign in folded]
    # The first 32 are control characters; some of them serve as signs of the masks.
    blank = [code for code in range(_KNOWN) if chr(code).isspace() or code < SPACE]
    table[blank] = SPACE
    table[END] = END
    table[_KNOWN - 1] = _KNOWN - 1
    return table


@functools.cache
def _kind_table() -> NDArray[np.uint8]:
    table = np.zeros(_KNOWN, dtype=np.uint8)
    for code in range(_KNOWN):
        category = unicodedata.category(chr(code))
        if category[0] in "LN" or category in {"Mc", "Mn"}:
            table[code] = WORD
        elif category == "So":  # emoji
            table[code] = SINGLE
    for first, last in re.findall(r"(.)-(.)", CJK):
        table[ord(first) : ord(last) + 1] = SINGLE
    for sign in "?!¿؟…" + "".join(map(chr, SIGNS)):
        table[ord(sign)] = SINGLE
    return table


def _without_runs(codes: U32) -> U32:
    """Runs of three or more of the same letter or sign cut back to one."""
    if len(codes) < 3:
        return codes
    same = codes[1:] == codes[:-1]  # as the one before it
    same &= (codes[1:] != ord("0")) & (codes[1:] != END)
    keep = np.ones(len(codes), dtype=bool)
    pair = same[1:] & same[:-1]
    keep[1:-1] &= ~pair
    keep[2:] &= ~pair
    return codes[keep]
