"""Texts to hashed n-gram features, a whole batch at a time.

The steps, each one pass of numpy over the batch, each with its reason:

1. Normal form: NFKC, case, diacritics, runs of three or more letters to one ("dooown").
2. Masks: links, handles (support-like ones apart), digits, and sure names of services
   are replaced by one sign each, so that an unseen service is not held against a post.
3. Tokens: runs of letters and digits; kana and kanji one by one; "?", "!" and emoji are
   tokens too.
4. n-grams of words (1, 2, and pairs around one word left out) and of 3 to 5
   characters within a word and its blanks, hashed into ``2**bits`` places.

:mod:`miner.classifier.reference` spells the same out for one text.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from miner.classifier.normalising import END, OTHER, SINGLE, SPACE, U32, Flags, kinds, normal_form

Ints = NDArray[np.int64]

_MANY: Final = np.uint32(0x9E3779B1)
_STEP: Final = np.uint32(0x01000193)
#: Added to the hashes of each kind, so that kinds do not share places.
SKIP_SEED: Final = 7
CHARS_SEED: Final = 16
#: Beyond so many characters the position in a word no longer counts.
LONGEST: Final = 64


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


@dataclass(frozen=True)
class Stream:
    """Tokens of a batch with one blank before each, and one after every post.

    Attributes:
        codes: code points.
        token_start: where each token begins in ``codes``.
        post_end: where the last blank of each post stands in ``codes``.
        last_token: number of tokens up to the end of each post.
    """

    codes: U32
    token_start: Ints
    post_end: Ints
    last_token: Ints


def featurize(texts: Sequence[str], layout: Layout) -> Features:
    """Features of the texts."""
    if not len(texts):
        nothing = [np.zeros(0, np.int64)] * (len(layout.words) + layout.skip + len(layout.chars))
        return Features(nothing, [np.zeros(1, np.int64)] * len(nothing), 0)
    stream = tokenise(normal_form(texts, layout.names))
    index: list[Ints] = []
    start: list[Ints] = []

    def add(grams: U32, keep: Flags, ends: Ints, seed: int) -> None:
        """Keep some of the grams; those of a post begin before its end in the stream."""
        index.append(_places(grams[keep], seed, layout.bits))
        kept = np.cumsum(keep)
        kept = np.concatenate([[0], kept])
        start.append(kept[np.minimum(np.concatenate([[0], ends]), len(keep))])

    word = _word_hashes(stream)
    for n, grams in _rolled(word, layout.words):
        add(grams, _within(stream.last_token, len(grams), n - 1), stream.last_token, n)
    if layout.skip:
        pairs = word[:-2] * np.uint32(31) + word[2:]
        add(pairs, _within(stream.last_token, len(pairs), 2), stream.last_token, SKIP_SEED)
    blank = stream.codes == SPACE
    crossed = np.zeros(max(len(blank) - 1, 0), dtype=bool)  # a blank strictly inside the gram
    hashed = stream.codes * _MANY
    hashed ^= hashed >> np.uint32(13)
    for n, grams in _rolled(hashed, range(1, max(layout.chars, default=0) + 1)):
        size = len(grams)
        if n >= 3:
            crossed = crossed[:size] | blank[n - 2 : n - 2 + size]
        if n in layout.chars:
            # With blanks at both ends it would be all of the word, which is known already.
            whole = blank[:size] & blank[n - 1 : n - 1 + size]
            add(grams, ~(crossed[:size] | whole), stream.post_end, CHARS_SEED + n)
    return Features(index, start, len(texts))


def tokenise(codes: U32) -> Stream:
    """Stream of tokens out of the normal form."""
    kind = kinds(codes)
    # A blank in front of every token and of every post's end; then all else goes.
    is_token = kind != OTHER
    begins = is_token.copy()
    begins[1:] &= (kind[1:] == SINGLE) | (kind[1:] != kind[:-1])
    is_end = codes == END
    width = is_token.view(np.int8) + begins.view(np.int8) + is_end.view(np.int8)
    place = np.cumsum(width, dtype=np.int32)  # where the next one stands
    stream = np.full(int(place[-1]), SPACE, dtype=np.uint32)
    stream[place[is_token] - 1] = codes[is_token]
    ends = np.flatnonzero(is_end)
    return Stream(
        codes=stream,
        token_start=place[begins].astype(np.int64) - 1,
        post_end=place[ends].astype(np.int64) - 1,
        last_token=np.cumsum(begins)[ends],
    )


def _rolled(hashes: U32, sizes: Sequence[int]) -> list[tuple[int, U32]]:
    """Polynomial hashes of every 1, 2, … neighbours, up to the largest of the sizes."""
    rolled = []
    grams = hashes
    for n in range(1, max(sizes, default=0) + 1):
        if n > 1:
            grams = grams[:-1] * _STEP + hashes[n - 1 :]
        if n in sizes:
            rolled.append((n, grams))
    return rolled


def _within(ends: Ints, size: int, reach: int) -> Flags:
    """Which grams of tokens, each reaching so many further, do not cross a post's end."""
    keep = np.ones(size, dtype=bool)
    for back in range(1, reach + 1):
        at = ends - back
        keep[at[(at >= 0) & (at < size)]] = False
    return keep


def _places(grams: U32, seed: int, bits: int) -> Ints:
    mixed = (grams ^ np.uint32(seed * int(_MANY) & 0xFFFFFFFF)) * np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x2C1B3C6D)
    return (mixed >> np.uint32(32 - bits)).astype(np.int64)


def _word_hashes(stream: Stream) -> U32:
    """Hash of each token: a polynomial over its characters."""
    codes, start = stream.codes, stream.token_start
    if not len(start):
        return np.zeros(0, dtype=np.uint32)
    begin = np.zeros(len(codes), dtype=np.int32)
    begin[start] = start
    np.maximum.accumulate(begin, out=begin)
    position = np.arange(len(codes), dtype=np.int32)
    position -= begin
    value = (codes * _MANY) ^ (codes >> np.uint32(3))
    value *= np.take(_powers(), position, mode="clip")
    value[codes == SPACE] = 0
    return np.add.reduceat(value, start, dtype=np.uint32)


@functools.cache
def _powers() -> U32:
    powers = [1]
    for _ in range(LONGEST - 1):
        powers.append(powers[-1] * int(_STEP) & 0xFFFFFFFF)
    return np.array(powers, dtype=np.uint32)
