"""Which post is asked next: the least sure ones, varied, and a fair sample among them.

A fifth of the texts, chosen by a hash of seed and text, is set aside to be drawn at
random and is never asked for another reason. So neither the model, nor a restart, nor
a table that has grown changes who is drawn: the random posts stay a fair sample.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from miner.annotator.posts import same_text
from miner.classifier import Classifier
from miner.counter.rows import fingerprints
from miner.errors import UsageError
from miner.text import tokens

#: Orders in which posts are asked.
ORDERS: Final = ("informative", "file", "random")
#: In the order "informative", each so many-th post is drawn at random.
EVERY: Final = 5

#: A post that is alike to one of the last ones waits, if one of the next ones is not.
_LAST: Final = 10
_NEXT: Final = 500
#: Copies are looked for among the least sure posts: more than anybody labels.
_HEAD: Final = 20_000


def rank(text: str, seed: int) -> float:
    """Place of a text in the random order of a seed, from 0 to 1; no other text matters."""
    digest = hashlib.blake2b(f"{seed}\x1f{same_text(text)}".encode(errors="replace"), digest_size=8)
    return int.from_bytes(digest.digest(), "big") / 2**64


def queue(
    texts: Sequence[str], order: str, seed: int, model: Classifier, done: Sequence[str] = ()
) -> Iterator[tuple[int, str]]:
    """Position and way of drawing of each text, in the order in which to ask.

    Args:
        texts: of posts that are not labelled yet.
        order: one of :data:`ORDERS`.
        seed: of the random order.
        model: whose doubts make a text informative.
        done: texts labelled before, in their order.

    Raises:
        UsageError: an order that does not exist.
    """
    if order not in ORDERS:
        raise UsageError(f"unknown order {order!r}; use one of {', '.join(ORDERS)}")
    if order == "file":
        return ((at, "file") for at in range(len(texts)))
    ranks = [rank(text, seed) for text in texts]
    shuffled = sorted(range(len(texts)), key=ranks.__getitem__)
    if order == "random":
        return ((at, "random") for at in shuffled)
    aside = [at for at in shuffled if ranks[at] < 1 / EVERY]
    rest = shuffled[len(aside) :]
    margins = dict(zip(rest, _margins(model, [texts[at] for at in rest]), strict=True))
    return _mixed(_varied(texts, sorted(rest, key=margins.__getitem__), done), aside, len(done))


def _margins(model: Classifier, texts: Sequence[str]) -> list[float]:
    """How far the likeliest label is ahead of the next: small where the model is in doubt."""
    proba = np.sort(model.predict_proba(texts), axis=1)
    margins: list[float] = (proba[:, -1] - proba[:, -2:-1].sum(axis=1)).tolist()
    return margins


def _mixed(unsure: Iterable[int], aside: Iterable[int], n_done: int) -> Iterator[tuple[int, str]]:
    ways = {"informative": iter(unsure), "random": iter(aside)}
    for number in itertools.count(n_done + 1):
        turn = ("informative", "random") if number % EVERY else ("random", "informative")
        for drawn in turn:
            at = next(ways[drawn], None)
            if at is not None:
                yield at, drawn
                break
        else:
            return


def _varied(texts: Sequence[str], least_sure: list[int], done: Sequence[str]) -> Iterator[int]:
    """The positions with near-duplicates apart: never a row of them while there is another."""
    words = functools.cache(lambda at: _words(texts[at]))
    recent = deque(map(_words, done[-_LAST:]), maxlen=_LAST)
    waiting = [*_copies_last(texts, least_sure[:_HEAD], done), *least_sure[_HEAD:]]
    while waiting:
        ahead = range(min(_NEXT, len(waiting)))
        new = (at for at in ahead if not any(_alike(words(waiting[at]), old) for old in recent))
        position = waiting.pop(next(new, 0))
        recent.append(words(position))
        yield position


def _copies_last(texts: Sequence[str], positions: list[int], done: Sequence[str]) -> list[int]:
    """The positions, those first whose like is not done, then those of second copies, …."""
    seen = Counter[object](itertools.chain.from_iterable(map(_prints, done)))
    copies = {}
    for at in positions:
        prints = _prints(texts[at])
        copies[at] = max(seen[one] for one in prints)
        seen.update(prints)
    return sorted(positions, key=copies.__getitem__)


def _prints(text: str) -> set[object]:
    return set[object](fingerprints(text)) - {0} or {_words(text)}


def _words(text: str) -> frozenset[str]:
    return frozenset(tokens(text))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return 2 * len(one & other) > len(one | other)
