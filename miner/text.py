r"""Normal form of a post: what matching and labelling see instead of raw text.

Posts spell the same words in endless ways (WHATSAPP, Whatsápp, ｗｈａｔｓａｐｐ,
whatsaaapp, whats\u200bapp with a zero-width blank). The normal form removes what does
not change the meaning; the lexicon is put through the same function, so that both
sides agree by construction.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Container, Iterator
from typing import Final

# Combining marks that go: those of Latin, Greek and Cyrillic letters, Arabic short
# vowels and the stretching bar, the Devanagari nukta (people leave it out). Kana
# keep theirs: か and が are different letters.
_MARKS = {
    *range(0x0300, 0x0370),
    *range(0x064B, 0x0653),
    0x0670,
    0x0640,
    0x093C,
}
# Zero-width characters, direction marks, soft hyphen, variation selectors.
_INVISIBLE = {
    0x00AD,
    0x061C,
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2065),
    *range(0x2066, 0x206A),
    *range(0xFE00, 0xFE10),
    0xFEFF,
    *range(0x1F3FB, 0x1F400),  # skin tones
}
_LETTERS = {
    "ø": "o",
    "đ": "d",
    "ð": "d",
    "ł": "l",
    "ı": "i",
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
    "أ": "ا",
    "إ": "ا",
    "آ": "ا",
    "ٱ": "ا",
    "ى": "ي",
    "ی": "ي",
    "ئ": "ي",
    "ؤ": "و",
    "ة": "ه",
    "ک": "ك",
    "ё": "е",
    **{chr(0x0660 + digit): str(digit) for digit in range(10)},
    **{chr(0x06F0 + digit): str(digit) for digit in range(10)},
    **{chr(0x0966 + digit): str(digit) for digit in range(10)},
}
_APOSTROPHES = dict.fromkeys("’‘ʼʹ′´`＇‛", "'")

_BEFORE_MARKS: Final = str.maketrans({**dict.fromkeys(map(chr, _INVISIBLE)), **_APOSTROPHES})
_AFTER_MARKS: Final = str.maketrans(_LETTERS)
_DROPPED_MARKS: Final = dict.fromkeys(_MARKS)

#: Kana and kanji: written without blanks, so each one is a token of its own.
CJK: Final = "\u3005\u3006\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"

_URL = re.compile(
    r"(?:https?://|www\.)\S+|\b(?:pic\.twitter\.com|t\.co|bit\.ly|youtu\.be)/\S+", re.IGNORECASE
)
_CONTRACTION = re.compile(r"(?<=[a-z])'(?=(?:t|s|re|ve|ll|m|d)\b)")
_ELONGATED = re.compile(r"([^\W\d_])\1{2,}")
_TOKEN = re.compile(rf"[#@]\w+|[{CJK}]|(?:[^\W_{CJK}]|[\u0900-\u097f])+")
_PIECE = re.compile(rf"[{CJK}]|(?:[^\W_{CJK}]|[\u0900-\u097f])+")
_TRIPLE = re.compile(r"([a-z])\1\1")

#: Cuts the glued words of a hashtag (False) or a handle (True).
Split = Callable[[str, bool], list[str]]


def fold(text: str) -> str:
    """Text without the differences of case, width, diacritics and invisible characters."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text.translate(_BEFORE_MARKS)).casefold()
    if folded.isascii():
        return folded
    decomposed = unicodedata.normalize("NFD", folded).translate(_DROPPED_MARKS)
    return unicodedata.normalize("NFC", decomposed).translate(_AFTER_MARKS)


def without_urls(text: str) -> str:
    """Text with its links taken out."""
    return _URL.sub(" ", text) if "/" in text or "www." in text else text


def is_plain(folded: str) -> bool:
    """Whether a folded text is ASCII without elongation: nothing is left to normalise."""
    return folded.isascii() and not _TRIPLE.search(folded)


def tokens(text: str, known: Container[str] = frozenset(), split: Split | None = None) -> list[str]:
    """Tokens of the normal form, in order.

    Args:
        text: a post as published.
        known: words that elongated spellings are brought back to ("dooown" → "down",
            "caaall" → "call"); an unknown one keeps a single letter of each run.
        split: cuts the glued words of a hashtag or handle; without it they stay one
            token. A handle is a token of its own ("@whatsapp"), followed by the
            pieces that ``split`` gives for it.
    """
    folded = _CONTRACTION.sub("", fold(without_urls(text)))
    if _ELONGATED.search(folded):
        folded = _shorten(folded, known)
    result: list[str] = []
    for token in _TOKEN.findall(folded):
        mark = token[0]
        if mark in {"#", "@"}:
            result.extend(_pieces(token, split))
        else:
            result.append(token)
    return result


def _pieces(token: str, split: Split | None) -> Iterator[str]:
    is_handle = token[0] == "@"
    if is_handle:
        yield token
        if split is None:
            return
    for piece in _PIECE.findall(token):
        if split is not None and len(piece) > 1:
            yield from split(piece, is_handle)
        elif not is_handle:
            yield piece


def _shorten(folded: str, known: Container[str]) -> str:
    def word(found: re.Match[str]) -> str:
        long = found.group()
        if not _ELONGATED.search(long):
            return long
        once = _ELONGATED.sub(r"\1", long)
        if once in known:
            return once
        # "caaalll" may be "call": each run once or twice, all combinations of four runs.
        runs = len(_ELONGATED.findall(long))
        for choice in range(1, 1 << min(runs, 4)):
            bits = iter(range(runs))
            candidate = _ELONGATED.sub(
                lambda run, bits=bits, choice=choice: (  # type: ignore[misc]
                    run.group(1) * (1 + (choice >> next(bits) & 1))
                ),
                long,
            )
            if candidate in known:
                return candidate
        return once

    return _PIECE.sub(word, folded)
