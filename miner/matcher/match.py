"""Matching a table of posts against the lexicon."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
import pandas as pd

from miner.errors import UsageError
from miner.lexicon import Lexicon, load_lexicon
from miner.matcher.names import Mention, NameFinder
from miner.matcher.phrases import Found, PhraseFinder
from miner.post import require_columns
from miner.text import tokens

Mode = Literal["phrase", "mention"]
MODES: Final = ("phrase", "mention")

#: A phrase belongs to a service named at most this many tokens away: a long Reddit
#: post that names WhatsApp at its top and says "not working" of a car does not match.
REACH: Final = 40


class Hit(NamedTuple):
    """A service that a post names, with the phrase that complains, if any."""

    service: str
    phrase: str | None
    symptom_hint: str | None


class Matcher:
    """The lexicon compiled for some services; use it where posts come one at a time."""

    def __init__(self, lexicon: Lexicon, services: Sequence[str] | None = None) -> None:
        """Compile the lexicon for ``services`` (ids, names or aliases; all by default).

        Raises:
            UnknownServiceError: a service that the lexicon does not have.
        """
        if services is None:
            wanted = list(lexicon.services.values())
        else:
            wanted = [lexicon.resolve(name) for name in services]
        self.services = frozenset(service.id for service in wanted)
        self._phrases = _phrase_finder(lexicon)
        self._names = NameFinder(lexicon, wanted, self._phrases.words)

    def may_match(self, text: str) -> bool:
        """Whether the text could match: fast, never wrong when it says no."""
        return self._names.may_mention(text)

    def hits(self, text: str, mode: Mode = "phrase", service: str | None = None) -> list[Hit]:
        """Services that the text matches; ``service`` is one known from its collection.

        A post collected for a service is about that service alone: the search of the
        platform has seen what we cannot (a thread, a link, a profile).
        """
        if service is None and not self._names.may_mention(text):
            return []
        words = tokens(text, self._names.known, self._names.split)
        mentions = (
            self._names.find(words) if service is None else [Mention(service, 0, len(words), None)]
        )
        if not mentions:
            return []
        found = self._phrases.find(words)
        hits = [_hit(mention, found, mentions) for mention in mentions]
        return [hit for hit in hits if mode == "mention" or hit.phrase is not None]


def _hit(mention: Mention, found: Iterable[Found], mentions: Iterable[Mention]) -> Hit:
    def is_near(other: Found | Mention) -> bool:
        return other.start - mention.end <= REACH and mention.start - other.end <= REACH

    near = [phrase for phrase in found if is_near(phrase)]
    if near:
        # A complaint beats a recovery, the longest phrase says most, and of equals a
        # named symptom beats "down".
        best = max(near, key=_telling)
        return Hit(mention.service, best.phrase.text, best.phrase.symptom)
    # "whatsapp and instagram down": the frame around one name speaks for both.
    frames = [m.frame for m in (mention, *mentions) if m.frame is not None and is_near(m)]
    if frames:
        return Hit(mention.service, frames[0], "down")
    return Hit(mention.service, None, None)


def _telling(found: Found) -> tuple[bool, int, bool, str]:
    symptom = found.phrase.symptom
    return symptom is not None, found.size, symptom != "down", found.phrase.text


@functools.lru_cache(maxsize=4)
def _phrase_finder(lexicon: Lexicon) -> PhraseFinder:
    return PhraseFinder(lexicon)


_matcher = functools.lru_cache(maxsize=4)(Matcher)


def match(
    posts: pd.DataFrame,
    services: Iterable[str] | None = None,
    *,
    mode: Mode = "phrase",
    lexicon: Lexicon | None = None,
) -> pd.DataFrame:
    """Candidate table: one row for each post and service that matched, in post order.

    Args:
        posts: post table; other columns than ``text`` are carried along. A column
            ``service`` names, where it is filled, the service a post was collected for.
        services: ids, names or aliases; all of the lexicon by default.
        mode: ``"phrase"``: the post names a service and holds a complaint phrase;
            ``"mention"``: naming the service is enough (the denominator of a share).
        lexicon: the shipped one by default; see :func:`miner.load_lexicon`.

    Raises:
        SchemaError: ``posts`` has no column ``text``.
        UnknownServiceError: a service that the lexicon does not have.
        UsageError: a mode that does not exist.
    """
    require_columns(posts, ["text"], "the post table")
    if mode not in MODES:
        raise UsageError(f"unknown mode {mode!r}; use one of {', '.join(MODES)}")
    lexicon = lexicon or load_lexicon()
    names = None if services is None else tuple(services)
    matcher = _matcher(lexicon, names)
    collected_for = _collected_for(posts, lexicon)
    rows: list[int] = []
    hits: list[Hit] = []
    for row, (text, service) in enumerate(zip(posts["text"].array, collected_for, strict=True)):
        if not isinstance(text, str):
            continue
        if service is not None and names is not None and service not in matcher.services:
            continue
        for hit in matcher.hits(text, mode, service):
            rows.append(row)
            hits.append(hit)
    table = posts.take(np.array(rows, dtype=np.intp)).reset_index(drop=True)
    columns = zip(*hits, strict=True) if hits else ((), (), ())
    for name, values in zip(("service", "phrase", "symptom_hint"), columns, strict=True):
        table[name] = pd.Series(values, dtype="str")
    return table


def _collected_for(posts: pd.DataFrame, lexicon: Lexicon) -> Iterable[str | None]:
    if "service" not in posts.columns:
        return [None] * len(posts)
    # A service that the lexicon lacks keeps the name the archive gives it.
    names = posts["service"].dropna().unique()
    known = {name: lexicon.find(name) or name for name in names if name}
    return [known.get(name) for name in posts["service"].array]
