"""What a source gathers between two pages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from miner.formats import Deletion
from miner.post import Post
from miner.sources.protocol import Page


@dataclass
class Batch:
    """What came since the page before; a source adds its own records to it."""

    posts: list[Post] = field(default_factory=list)
    edits: list[Post] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)
    raws: dict[str, bytes] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    seen: int = 0

    def page(self, **more: Any) -> Page:
        """What came, as a page."""
        return Page(
            posts=self.posts,
            edits=self.edits,
            deletions=self.deletions,
            raws=self.raws,
            seen=self.seen,
            skipped=dict(self.skipped),
            **more,
        )
