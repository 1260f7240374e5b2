"""The features of one text, spelt out: slow, plain, and with a name for each.

:mod:`miner.classifier.features` does the same for a batch with numpy; a test holds the
two together. Explanations use this one, since a hash cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from miner.classifier.features import (
    CHARS_SEED,
    SKIP_SEED,
    Layout,
    normal_codes,
    token_kind,
)
from miner.classifier.masking import SIGNS

_MASK = 0xFFFFFFFF
_MANY = 0x9E3779B1
_STEP = 0x01000193
_SPACE = 32


class Feature(NamedTuple):
    """A feature: what it is made of, as people read it, and its place in the table."""

    text: str
    place: int


def reference_features(text: str, layout: Layout) -> Iterator[Feature]:
    """Features of one text; those of characters come after those of words."""
    tokens = list(_tokens(normal_codes(text, layout)))
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


def _tokens(codes: list[int]) -> Iterator[tuple[int, ...]]:
    """Runs of letters and digits, and signs that stand alone."""
    run: list[int] = []
    for code in codes:
        kind = token_kind(code)
        if kind == "word":
            run.append(code)
            continue
        if run:
            yield tuple(run)
            run = []
        if kind == "single":
            yield (code,)
    if run:
        yield tuple(run)


def _word_hash(token: tuple[int, ...]) -> int:
    total = 0
    for at, code in enumerate(token):
        # Beyond 64 characters the position no longer counts.
        power = pow(_STEP, min(at, 63), 1 << 32)
        total += ((code * _MANY & _MASK) ^ code >> 3) * power
    return total & _MASK


def _place(value: int, seed: int, bits: int) -> int:
    mixed = (value ^ (seed * _MANY & _MASK)) * 0x85EBCA6B & _MASK
    mixed ^= mixed >> 15
    mixed = mixed * 0x2C1B3C6D & _MASK
    return mixed >> 32 - bits
