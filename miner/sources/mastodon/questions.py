"""What is asked of whom: hashtags, searches and timelines of several servers."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from miner.errors import RefusedError, UsageError
from miner.formats.times import SECOND
from miner.matcher import queries
from miner.sources.mastodon.instance import Instance
from miner.sources.mastodon.question import Question, Timing
from miner.sources.protocol import Pull

#: Hashtags of one request: one in the address and three more (four by the documentation).
_TAGS: Final = 4
#: Names of a service that are searched for; the first ones are what most people write.
_NAMES: Final = 5
KINDS: Final = ("tags", "search", "public", "local")


def kinds_of(pull: Pull) -> tuple[str, ...]:
    """What is asked for: the setting ``ask``, hashtags by default.

    Raises:
        UsageError: a kind that does not exist.
    """
    kinds = tuple(pull.options.get("ask", "tags").replace(",", " ").split())
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(f"mastodon.ask={kind!r}: use one or more of {', '.join(KINDS)}")
    return kinds


def timing_of(pull: Pull) -> Timing:
    """Settings ``settle`` and ``overlap``, in seconds.

    Raises:
        UsageError: no numbers.
    """
    try:
        settle = round(float(pull.options.get("settle", 60)) * SECOND)
        overlap = round(float(pull.options.get("overlap", 600)) * SECOND)
    except ValueError:
        raise UsageError("mastodon.settle and mastodon.overlap are numbers of seconds") from None
    return Timing(settle, max(settle, overlap))


def questions_to(instance: Instance, pull: Pull) -> Iterator[Question]:
    """The questions to one server.

    Raises:
        RefusedError: a search without a token.
    """
    make = functools.partial(Question, instance=instance, timing=timing_of(pull))
    host = instance.host
    for kind in kinds_of(pull):
        if kind in {"public", "local"}:
            ask = functools.partial(instance.public, is_local=kind == "local")
            yield make(f"{host} {kind}", pull.services, ask=ask, is_forward=True)
        elif kind == "tags":
            for service in pull.services:
                for tags in _groups(tags_of(service, pull)):
                    ask = functools.partial(instance.tags, tags)
                    name = f"{host} {service} #{' #'.join(tags)}"
                    yield make(name, (service,), ask=ask, is_forward=True)
        elif not instance.has_token:
            raise RefusedError(f"mastodon: a search of {host} needs a token. {instance.advice()}")
        else:
            for service in pull.services:
                for text in names_of(service, pull):
                    ask = functools.partial(instance.search, text)
                    name = f"{host} {service} {text}"
                    yield make(name, (service,), ask=ask, is_forward=False)


def tags_of(service: str, pull: Pull) -> list[str]:
    """Hashtags of a service: the setting ``tags.<service>``, or those of the lexicon."""
    own = pull.options.get(f"tags.{service}", "").replace(",", " ").replace("#", " ").split()
    return own or queries(service, "mastodon", lexicon=pull.lexicon)


def names_of(service: str, pull: Pull) -> list[str]:
    """What is searched for: the first names of a service."""
    entry = pull.lexicon.resolve(service)
    return list(dict.fromkeys([*entry.aliases, *entry.ambiguous[:1]]))[:_NAMES]


def version_of(service: str, pull: Pull, instances: Sequence[Instance]) -> str:
    """Fingerprint of what is asked for a service; where it changes, so does the series."""
    kinds = kinds_of(pull)
    parts = [*kinds, *sorted(instance.host for instance in instances)]
    parts += tags_of(service, pull) if "tags" in kinds else []
    parts += names_of(service, pull) if "search" in kinds else []
    return "mastodon " + hashlib.blake2b("\n".join(parts).encode(), digest_size=6).hexdigest()


def _groups(tags: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for first in range(0, len(tags), _TAGS):
        yield tuple(tags[first : first + _TAGS])
