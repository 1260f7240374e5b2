"""The language of short texts, where the platform gives none.

Needs lingua, a detector made for short texts: ``pip install "miner[language]"`` (96 MB,
so it is an extra). Only the languages of the lexicon are considered, the others of the
same family would otherwise take posts of two words away from them.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd

from miner.errors import UsageError
from miner.text import without_urls

if TYPE_CHECKING:
    from lingua import LanguageDetector

#: Codes (ISO 639-1) that :func:`recognise` can give.
LANGUAGES: Final = (
    *("ar", "de", "en", "es", "fr", "hi", "id"),
    *("it", "ja", "nl", "pl", "pt", "ru", "tr"),
)
#: How much likelier than the next language the first must be; below it nothing is said.
_MARGIN: Final = 0.1


def recognise(texts: Sequence[str]) -> list[str | None]:
    """Language of each text (ISO 639-1), None where the text is too short to tell.

    Handles, links and hashtag signs are left out first: they are in no language.

    Raises:
        UsageError: lingua is not installed.
    """
    detector = _detector()
    plain = [" ".join(_words(text)) for text in texts]
    found = detector.detect_languages_in_parallel_of(plain)
    return [None if one is None else one.iso_code_639_1.name.lower() for one in found]


def with_languages(langs: pd.Series, texts: pd.Series) -> pd.Series:
    """The languages, those that are missing or undetermined recognised from the texts."""
    unknown = (langs.isna() | langs.isin(["", "und", "qme", "zxx"])).to_numpy()
    filled = langs.astype("object")
    if unknown.any():
        filled[unknown] = recognise(texts[unknown].tolist())
    return filled.astype("str")


def _words(text: str) -> list[str]:
    words = without_urls(text).split()
    return [word.lstrip("#") for word in words if not word.startswith("@")]


@functools.cache
def _detector() -> LanguageDetector:
    try:
        from lingua import IsoCode639_1, LanguageDetectorBuilder
    except ImportError:
        raise UsageError(
            'recognising languages needs lingua: pip install "miner[language]"'
        ) from None
    codes = [getattr(IsoCode639_1, code.upper()) for code in LANGUAGES]
    builder = LanguageDetectorBuilder.from_iso_codes_639_1(*codes)
    return builder.with_minimum_relative_distance(_MARGIN).build()
