"""The lexicon in the query language of each platform.

A query language is a limit of characters and a few signs; what a platform cannot
say (prefixes, gaps) is left out or weakened, so a query finds at least the whole
words of the lexicon, and matching runs again on what comes back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from miner.errors import UsageError
from miner.lexicon import Lexicon, Service, load_lexicon
from miner.lexicon.patterns import spellings
from miner.text import fold

#: Phrases of more words than this are rarer than their parts and only fill a query.
MAX_WORDS: Final = 3


@dataclass(frozen=True)
class _Language:
    """Signs and limits of one query language."""

    limit: int
    any_of: str | None  # joins alternatives; None: the platform has no "or"
    suffix: str = ""


#: Limits: X build-a-query (512 recent search, 1,024 full archive; self-serve access),
#: where reposts are left out: they cost money, are not counted, and search has none since
#: May 2026, so that with them it would differ from the stream; Reddit search (512).
#: Bluesky's search and Mastodon's hashtag timelines have no "or".
_LANGUAGES: Final = {
    "x": _Language(512, " OR ", " -is:retweet"),
    "x_full_archive": _Language(1_024, " OR ", " -is:retweet"),
    "reddit": _Language(512, " OR "),
    "bluesky": _Language(256, None),
    "mastodon": _Language(100, None),
}
QUERY_LANGUAGES: Final = tuple(_LANGUAGES)


def queries(
    service: str,
    platform: str,
    *,
    langs: Iterable[str] = ("en",),
    mention: bool = False,
    lexicon: Lexicon | None = None,
) -> list[str]:
    """Queries that together ask a platform for what the matcher would accept.

    Args:
        service: id, name or alias.
        platform: one of :data:`QUERY_LANGUAGES`.
        langs: languages whose phrases are asked for.
        mention: ask for the names alone, without phrases.
        lexicon: the shipped one by default.

    Returns:
        Each query fits the platform's limit of characters; no two are the same.

    Raises:
        UsageError: a platform or language that does not exist.
        UnknownServiceError: a service that the lexicon does not have.
    """
    lexicon = lexicon or load_lexicon()
    if platform not in _LANGUAGES:
        raise UsageError(f"unknown platform {platform!r}; use one of {', '.join(_LANGUAGES)}")
    language = _LANGUAGES[platform]
    entry = lexicon.resolve(service)
    if platform == "mastodon":
        return _hashtags(entry)
    names = _names(entry)
    phrases = [] if mention else _phrases(lexicon, list(langs))
    if language.any_of is None:
        return [f"{name} {phrase}".strip() for name in names for phrase in phrases or [""]]
    return list(_packed(names, phrases, language))


def _names(service: Service) -> list[str]:
    """Names to search for; an ambiguous one goes with its context."""
    sure = [*service.aliases, *service.misspellings, *("#" + tag for tag in service.hashtags)]
    sure += ["@" + handle for handle in service.handles]
    names = [_quoted(name) for name in _distinct(sure)]
    if service.context:
        context = " OR ".join(_quoted(word) for word in service.context[:6])
        names += [f"({_quoted(name)} ({context}))" for name in service.ambiguous]
    else:
        names += [_quoted(name) for name in service.ambiguous]
    return names


def _hashtags(service: Service) -> list[str]:
    glued = [re.sub(r"\W+", "", name) for name in (*service.aliases, *service.ambiguous[:1])]
    tags = [*service.hashtags, *glued, *(name + "down" for name in glued[:1])]
    return _distinct(tag.lower() for tag in tags if tag)


def _phrases(lexicon: Lexicon, langs: Sequence[str]) -> list[str]:
    unknown = [lang for lang in langs if lang not in lexicon.macros]
    if unknown:
        known = ", ".join(lexicon.macros)
        raise UsageError(f"no phrases in {', '.join(unknown)}; the lexicon has {known}")
    terms: dict[tuple[str, ...], None] = {}
    lines = [(frame.lang, frame.text) for frame in lexicon.frames]
    lines += [(phrase.lang, phrase.text) for phrase in lexicon.phrases]
    for lang, text in lines:
        if lang in langs:
            for spelling in spellings(text, lexicon.macros[lang]):
                runs = tuple(run for run in spelling if run)
                if runs and sum(len(run.split()) for run in runs) <= MAX_WORDS:
                    terms[runs] = None
    single = {runs[0] for runs in terms if len(runs) == 1}
    return [_term(runs) for runs in terms if not _is_implied(runs, single)]


def _is_implied(runs: tuple[str, ...], single: set[str]) -> bool:
    """Whether a shorter phrase, asked for as well, finds every post that this one finds."""
    for run in runs:
        words = run.split()
        for start in range(len(words)):
            for end in range(start + 1, len(words) + 1):
                part = " ".join(words[start:end])
                if part in single and (part,) != runs:
                    return True
    return False


def _term(runs: Sequence[str]) -> str:
    quoted = [_quoted(run) for run in runs]
    return quoted[0] if len(quoted) == 1 else f"({' '.join(quoted)})"


def _quoted(name: str) -> str:
    name = name.replace('"', "")
    return f'"{name}"' if re.search(r"[^\w#@]", name) else name


def _distinct(names: Iterable[str]) -> list[str]:
    return list({fold(name): name for name in reversed(list(names))}.values())[::-1]


def _packed(names: Sequence[str], phrases: Sequence[str], language: _Language) -> Iterable[str]:
    """Alternatives packed into as few queries as fit; half of the room goes to names."""
    assert language.any_of is not None
    room = language.limit - len(language.suffix)
    for group in _groups(names, language.any_of, room // 2 if phrases else room - 2):
        head = f"({group})"
        if not phrases:
            yield head + language.suffix
            continue
        for tail in _groups(phrases, language.any_of, room - len(head) - 3):
            yield f"{head} ({tail}){language.suffix}"


def _groups(terms: Iterable[str], joiner: str, room: int) -> Iterable[str]:
    group = ""
    for term in terms:
        joined = f"{group}{joiner}{term}" if group else term
        if len(joined) > room and group:
            yield group
            joined = term
        group = joined
    if group:
        yield group
