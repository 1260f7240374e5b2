"""Texts to hashed n-gram features, a whole batch at a time.

All texts of a batch are joined into one buffer of code points and every step is one
pass of numpy over it: at 100,000 posts a second there is no time for a Python call a
word. The steps, each with its reason:

1. Normal form: NFKC, case, diacritics, runs of three or more letters to one ("dooown").
2. Masks: links, handles (support-like ones apart), digits, and sure names of services
   are replaced by one sign each, so that an unseen service is not held against a post.
3. Tokens: runs of letters and digits; kana and kanji one by one; "?", "!" and emoji are
   tokens too.
4. n-grams of words (1, 2, and pairs around one word left out) and of 3 to 5
   characters within a word and its blanks, hashed into ``2**bits`` places.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from miner.classifier.masking import SIGNS, name_mask, without_links_and_handles
from miner.text import CJK, fold

U32 = NDArray[np.uint32]
Ints = NDArray[np.int64]

_END: Final = 10  # line feed between posts
_SPACE: Final = 32
_MANY = 0x9E3779B1
_MIX = 0x85EBCA6B
#: Added to the hashes of each kind, so that kinds do not share places.
SKIP_SEED: Final = 7
CHARS_SEED: Final = 16


@dataclass(frozen=True)
class Layout:
    """What is hashed, and into how many places.

    ``names`` are masked (see :func:`miner.classifier.masking.maskable`); they belong to
    the model, so that a changed lexicon does not change its labels.
    """

    names: tuple[str, ...] = ()
    bits: int = 18
    words: tuple[int, ...] = (1, 2)
    skip: bool = True
    chars: tuple[int, ...] = (3, 4, 5)


@dataclass(frozen=True)
class Features:
    """Hashed features of a batch: for each kind, indices sorted by post.

    ``index[k]`` are the features of kind ``k``, those of post ``i`` from
    ``start[k][i]`` to ``start[k][i + 1]``.
    """

    index: list[Ints]
    start: list[Ints]
    n_posts: int


def featurize(texts: Sequence[str], layout: Layout) -> Features:
    """Features of the texts."""
    codes = _masked(_joined(texts), layout)
    codes = _without_runs(codes)
    kind = _kinds()[np.minimum(codes, _KINDS - 1)]
    stream, token_start, token_post, ends = _tokenise(codes, kind)
    index: list[Ints] = []
    start: list[Ints] = []
    shift = np.uint32(32 - layout.bits)

    def add(hashes: U32, posts: Ints, seed: int) -> None:
        mixed = (hashes ^ np.uint32(seed * _MANY & 0xFFFFFFFF)) * np.uint32(_MIX)
        mixed ^= mixed >> np.uint32(15)
        mixed *= np.uint32(0x2C1B3C6D)
        index.append((mixed >> shift).astype(np.int64))
        start.append(np.searchsorted(posts, np.arange(len(texts) + 1)))

    word = _word_hashes(stream, token_start)
    for n in layout.words:
        grams, posts = _word_grams(word, token_post, n)
        add(grams, posts, n)
    if layout.skip:
        inside = token_post[2:] == token_post[:-2]
        add((word[:-2] * np.uint32(31) + word[2:])[inside], token_post[2:][inside], SKIP_SEED)
    post_of_char = np.cumsum(ends[:-1], dtype=np.int64) if len(ends) else np.zeros(0, np.int64)
    post_of_char = np.concatenate([[0], post_of_char]) if len(ends) else post_of_char
    blank = stream == _SPACE
    blanks = np.concatenate([[0], np.cumsum(blank)])
    hashed = stream * np.uint32(_MANY)
    hashed ^= hashed >> np.uint32(13)
    rolling = hashed.copy()
    for n in range(2, max(layout.chars, default=1) + 1):
        rolling = rolling[:-1] * np.uint32(0x01000193) + hashed[n - 1 :]
        if n in layout.chars:
            # A blank only at one end: the gram lies within one word, and is not all of it.
            size = len(rolling)
            inner = blanks[n - 1 : n - 1 + size] - blanks[1 : 1 + size]
            keep = (inner == 0) & ~(blank[:size] & blank[n - 1 : n - 1 + size])
            add(rolling[keep], post_of_char[:size][keep], CHARS_SEED + n)
    return Features(index, start, len(texts))


def normal_codes(text: str, layout: Layout) -> list[int]:
    """Code points of one text in the normal form, masked; the end of the post is left out."""
    codes: list[int] = _without_runs(_masked(_joined([text]), layout))[:-1].tolist()
    return codes


def token_kind(code: int) -> str:
    """What a code point is: part of a "word", a token by itself ("single"), or "other"."""
    return ("other", "word", "single")[int(_kinds()[min(code, _KINDS - 1)])]


def _joined(texts: Sequence[str]) -> str:
    text = "\n".join(t.replace("\n", " ") if "\n" in t else t for t in texts) + "\n"
    if text.isascii():
        return text.lower()
    # A line feed never comes out of these steps where none went in.
    return unicodedata.normalize("NFKC", text).casefold()


def _masked(text: str, layout: Layout) -> U32:
    text = without_links_and_handles(text)
    codes = _codes(text)
    if not text.isascii():
        codes = _folds()[np.minimum(codes, _KINDS - 1)]
        codes = codes[codes != 0]
    if layout.names:
        if not text.isascii():
            text = codes.tobytes().decode("utf-32-le")
        is_word = _kinds()[np.minimum(codes, _KINDS - 1)] == _WORD
        name_mask(layout.names).apply(text, codes, is_word)
    digit = (codes >= ord("0")) & (codes <= ord("9"))
    codes[digit] = ord("0")
    return codes


def _codes(text: str) -> U32:
    return np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32).copy()


@functools.cache
def _folds() -> U32:
    """The code point that each one is read as; 0 for those that are left out."""
    table = np.arange(_KINDS, dtype=np.uint32)
    codes = [code for code in range(0x80, _KINDS) if not 0xD800 <= code <= 0xDFFF]
    # One call for all: a hundred thousand calls would take half a second.
    folded = fold("\n".join(map(chr, codes))).split("\n")
    table[codes] = [ord(sign[0]) if sign else 0 for sign in folded]
    table[0] = _SPACE
    return table


_OTHER, _WORD, _SINGLE = 0, 1, 2
_KINDS: Final = 0x20000


@functools.cache
def _kinds() -> NDArray[np.uint8]:
    """Kind of each code point: part of a word, a token by itself, or nothing."""
    kinds = np.zeros(_KINDS, dtype=np.uint8)
    for code in range(_KINDS):
        category = unicodedata.category(chr(code))
        if category[0] in "LN" or category in {"Mc", "Mn"}:
            kinds[code] = _WORD
        elif category == "So":  # emoji
            kinds[code] = _SINGLE
    for first, last in re.findall(r"(.)-(.)", CJK):
        kinds[ord(first) : ord(last) + 1] = _SINGLE
    for sign in "?!¿؟…" + "".join(map(chr, SIGNS)):
        kinds[ord(sign)] = _SINGLE
    return kinds


def _without_runs(codes: U32) -> U32:
    """Runs of three or more of the same letter or sign cut back to one."""
    if len(codes) < 3:
        return codes
    edges = np.flatnonzero(np.diff(codes)) + 1
    first = np.concatenate([[0], edges])
    length = np.diff(np.concatenate([first, [len(codes)]]))
    long = (length >= 3) & (codes[first] != ord("0")) & (codes[first] != _END)
    if not long.any():
        return codes
    keep = np.ones(len(codes), dtype=bool)
    for start, size in zip(first[long].tolist(), length[long].tolist(), strict=True):
        keep[start + 1 : start + size] = False
    return codes[keep]


def _tokenise(codes: U32, kind: NDArray[np.uint8]) -> tuple[U32, Ints, Ints, NDArray[np.bool_]]:
    """Stream of tokens with one blank between them, and where tokens and posts begin.

    Returns the stream; the start of each token in it; the post of each token; and for
    each place of the stream whether a post ends there.
    """
    # A blank in front of every token and of every post's end; then all else goes.
    is_token = kind != _OTHER
    previous = np.concatenate([[_OTHER], kind[:-1]])
    begins = is_token & ((kind == _SINGLE) | (previous != kind))
    is_end = codes == _END
    width = is_token.astype(np.int64) + begins + is_end
    place = np.concatenate([[0], np.cumsum(width)])
    stream = np.full(place[-1], _SPACE, dtype=np.uint32)
    at = place[:-1] + begins
    stream[at[is_token]] = codes[is_token]
    ends = np.zeros(len(stream), dtype=bool)
    ends[place[:-1][is_end]] = True
    token_start = at[begins]
    token_post = np.cumsum(is_end)[begins]
    return stream, token_start, token_post.astype(np.int64), ends


def _word_hashes(stream: U32, token_start: Ints) -> U32:
    """Hash of each token: a polynomial over its characters."""
    if not len(token_start):
        return np.zeros(0, dtype=np.uint32)
    in_word = stream != _SPACE
    position = np.arange(len(stream), dtype=np.int64)
    begin = np.zeros(len(stream), dtype=np.int64)
    begin[token_start] = token_start
    np.maximum.accumulate(begin, out=begin)
    power = _powers()[np.minimum(position - begin, 63)]
    value = np.where(in_word, (stream * np.uint32(_MANY)) ^ (stream >> np.uint32(3)), 0)
    return np.add.reduceat((value * power).astype(np.uint32), token_start, dtype=np.uint32)


@functools.cache
def _powers() -> U32:
    powers = [1]
    for _ in range(63):
        powers.append(powers[-1] * 0x01000193 & 0xFFFFFFFF)
    return np.array(powers, dtype=np.uint32)


def _word_grams(word: U32, post: Ints, n: int) -> tuple[U32, Ints]:
    size = len(word) - n + 1
    if size <= 0:
        return np.zeros(0, np.uint32), np.zeros(0, np.int64)
    gram = word[:size].copy()
    for offset in range(1, n):
        gram = gram * np.uint32(0x01000193) + word[offset : offset + size]
    inside = post[:size] == post[n - 1 : n - 1 + size]
    return gram[inside], post[:size][inside]
