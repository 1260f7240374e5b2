"""Pages to labelled tables: the same match and label that archives go through."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pandas as pd

from miner.classifier import Classifier, label, version_of
from miner.lexicon import Lexicon
from miner.matcher import match
from miner.matcher.match import Matcher, Mode
from miner.post import post_table
from miner.sources.protocol import Page


class Labeller:
    """Finds and labels the candidates of a page.

    Attributes:
        services: ids of the services, sorted.
        model_version: what the labels are noted with.
        queries: for each service, a version of what it is looked for by.
    """

    def __init__(
        self,
        services: Sequence[str],
        lexicon: Lexicon,
        *,
        mode: Mode = "phrase",
        model: Classifier | None = None,
        model_version: str | None = None,
        purpose: str = "balanced",
    ) -> None:
        """Compile the lexicon for some services.

        Raises:
            UnknownServiceError: a service that the lexicon does not have.
        """
        self.services = tuple(sorted({lexicon.resolve(name).id for name in services}))
        self.lexicon = lexicon
        self.mode = mode
        self._model = model
        self._purpose = purpose
        self.model_version = (model_version or version_of()) + (
            "" if purpose == "balanced" else f" {purpose}"
        )
        self.wants = Matcher(lexicon, self.services).may_match
        self.queries = {name: _version(lexicon, name, mode) for name in self.services}

    def table(self, page: Page) -> pd.DataFrame:
        """Labelled table of the candidates among the posts and edits of a page."""
        posts = [post for post in (*page.posts, *page.edits) if self.wants(post.text)]
        if not posts:
            return pd.DataFrame()
        found = match(post_table(posts), self.services, mode=self.mode, lexicon=self.lexicon)
        return label(found, self._model, purpose=self._purpose)


def _version(lexicon: Lexicon, service: str, mode: Mode) -> str:
    """Fingerprint of what decides which posts are candidates of a service."""
    parts = [repr(lexicon.services[service]), mode]
    if mode == "phrase":
        parts += [f"{p.lang} {p.symptom} {p.text}" for p in lexicon.phrases]
        parts += [f"{f.lang} {f.text}" for f in lexicon.frames]
    digest = hashlib.blake2b("\n".join(parts).encode(), digest_size=6)
    return f"{mode} {digest.hexdigest()}"
