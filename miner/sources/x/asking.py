"""What X is asked about a service, in its own query language."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from miner.errors import UsageError
from miner.matcher import queries
from miner.sources.protocol import Pull

#: Queries a service and language in phrase mode: those with the service's main names and
#: the most general phrases come first; all of them would be thousands.
_MOST_QUERIES: Final = 4


def queries_of(service: str, pull: Pull, platform: str) -> list[str]:
    """Queries of a service, without doubles.

    Settings: ``langs`` (such as "en,de": whose phrases), ``queries`` (how many a
    language).

    Raises:
        UsageError: a language without phrases, or a number that is none.
    """
    lexicon = pull.lexicon
    if pull.mention:
        return queries(service, platform, mention=True, lexicon=lexicon)
    most = pull.options.get("queries", str(_MOST_QUERIES))
    if not most.isdecimal() or int(most) < 1:
        raise UsageError(f"x.queries={most!r} is no number of queries; such as 4")
    found: dict[str, None] = {}
    for lang in pull.options.get("langs", "en").split(","):
        of_lang = queries(service, platform, langs=[lang.strip()], lexicon=lexicon)
        found.update(dict.fromkeys(of_lang[: int(most)]))
    return list(found)


def one_query_of(service: str, pull: Pull, platform: str) -> str:
    """The one query whose posts are counted: the service's names, as many as fit.

    Several would count posts that match two of them twice.
    """
    return queries(service, platform, mention=True, lexicon=pull.lexicon)[0]


def version_of(asked: Sequence[str]) -> str:
    """Fingerprint of queries."""
    digest = hashlib.blake2b("\n".join(asked).encode(), digest_size=6)
    return f"x {digest.hexdigest()}"
