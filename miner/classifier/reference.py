"""The features of one text, spelt out: slow, plain, and with a name for each.

:mod:`miner.classifier.features` does the same for a batch with numpy; a test holds the
two together. Explanations use this one, since a hash cannot be read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from miner.classifier.features import CHARS_SEED, LONGEST, SKIP_SEED, Layout
from miner.classifier.masking import (
    HANDLE_SIGN,
    NAME_SIGN,
    SCHEMES,
    SHORTENERS,
    SIGNS,
    SUPPORT_SIGN,
    URL_SIGN,
    is_support,
    name_finder,
)
from miner.classifier.normalising import SINGLE, WORD, folded_code, kinds

_MASK = 0xFFFFFFFF
_MANY = 0x9E3779B1
_STEP = 0x01000193
_SPACE = 32
_LINK = re.compile(f"(?:{'|'.join(map(re.escape, SCHEMES + SHORTENERS))})\\S*")


class Feature(NamedTuple):
    """A feature: what it is made of, as people read it, and its place in the table."""

    text: str
    place: int


def reference_features(text: str, layout: Layout) -> Iterator[Feature]:
    """Features of one text; those of characters come after those of words."""
    tokens = list(_tokens(plain_normal(text, layout.names)))
    shown = ["".join(SIGNS.get(code, chr(code)) for code in token) for token in tokens]
    hashes = [_word_hash(token) for token in tokens]
    for n in layout.words:
        for at in range(len(tokens) - n + 1):
            value = hashes[at]
            for offset in range(1, n):
                value = (value * _STEP + hashes[at + offset]) & _MASK
            yield Feature(" ".join(shown[at : at + n]), _place(value, n, layout.bits))
    if layout.skip:
        for at in range(len(tokens) - 2):
            value = (hashes[at] * 31 + hashes[at + 2]) & _MASK
            yield Feature(f"{shown[at]} … {shown[at + 2]}", _place(value, SKIP_SEED, layout.bits))
    for n in layout.chars:
        for token in tokens:
            padded = [_SPACE, *token, _SPACE]
            for at in range(len(padded) - n + 1):
                gram = padded[at : at + n]
                if gram[0] == gram[-1] == _SPACE:
                    continue  # the word itself, which is a feature already
                value = 0
                for code in gram:
                    mixed = code * _MANY & _MASK
                    value = (value * _STEP + (mixed ^ mixed >> 13)) & _MASK
                name = "".join(SIGNS.get(code, chr(code)) for code in gram).replace(" ", "_")
                yield Feature(name, _place(value, CHARS_SEED + n, layout.bits))


def plain_normal(text: str, names: tuple[str, ...]) -> str:
    """Normal form of one text, by plain operations on strings."""
    composed = unicodedata.normalize("NFKC", text.replace("\n", " ")).replace("ß", "ss")
    folded = "".join(chr(code) for code in map(folded_code, composed) if code)
    signs = list(folded)
    for link in _LINK.finditer(folded):
        if link[0].startswith(SCHEMES) or not _in_word(folded, link.start() - 1, "_"):
            _cover(signs, link.start(), link.end(), URL_SIGN)
    for at in [at for at, sign in enumerate(signs) if sign == "@"]:
        end = at + 1
        while _in_word(folded, end, "_"):
            end += 1
        if end > at + 1:
            _cover(signs, at, end, SUPPORT_SIGN if is_support(folded[at:end]) else HANDLE_SIGN)
    for _, start, end in name_finder(names).find_matches_as_indexes(folded) if names else ():
        hidden = signs[start] <= " " or signs[end - 1] <= " "
        hashtag = start > 0 and signs[start - 1] == "#"
        glued = _in_word(folded, start - 1) or (_in_word(folded, end) and not hashtag)
        if not glued and not hidden:
            _cover(signs, start, end, NAME_SIGN)
    masked = re.sub("[0-9]", "0", "".join(signs))
    return re.sub(r"([^0])\1\1+", r"\1", masked)


def _in_word(text: str, at: int, also: str = "") -> bool:
    return 0 <= at < len(text) and (text[at] in also or _kind(text[at]) == WORD)


def _kind(sign: str) -> int:
    return int(kinds(np.array([ord(sign)], dtype=np.uint32))[0])


def _cover(signs: list[str], start: int, end: int, sign: int) -> None:
    signs[start:end] = [chr(sign), *" " * (end - start - 1)]


def _tokens(text: str) -> Iterator[tuple[int, ...]]:
    """Runs of letters and digits, and signs that stand alone."""
    run: list[int] = []
    for sign in text:
        code, kind = ord(sign), _kind(sign)
        if kind == WORD:
            run.append(code)
            continue
        if run:
            yield tuple(run)
            run = []
        if kind == SINGLE:
            yield (code,)
    if run:
        yield tuple(run)


def _word_hash(token: tuple[int, ...]) -> int:
    total = 0
    for at, code in enumerate(token):
        # Beyond so many characters the position no longer counts.
        power = pow(_STEP, min(at, LONGEST - 1), 1 << 32)
        total += ((code * _MANY & _MASK) ^ code >> 3) * power
    return total & _MASK


def _place(value: int, seed: int, bits: int) -> int:
    mixed = (value ^ (seed * _MANY & _MASK)) * 0x85EBCA6B & _MASK
    mixed ^= mixed >> 15
    mixed = mixed * 0x2C1B3C6D & _MASK
    return mixed >> 32 - bits
