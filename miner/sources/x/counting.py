"""Counting and sampling: what a budget buys."""

from __future__ import annotations

from collections.abc import Iterator

from miner.errors import UnavailableError
from miner.sources.protocol import Page, Pull, Window
from miner.sources.x.asking import one_query_of, version_of
from miner.sources.x.client import Client, Question
from miner.sources.x.reading import Read, counts_of, next_token
from miner.sources.x.search import PLATFORMS


def count(
    client: Client, pull: Pull, service: str, start: int, end: int, via: str
) -> Iterator[Page]:
    """Pages with the mentions of every minute of a range, without a post."""
    query = one_query_of(service, pull, PLATFORMS[via])
    question, token, tokens = Question(query, start, end), None, set[str]()
    while True:
        record = client.counts(question, token, via=via)
        token = next_token(record)
        counts = [(at, number) for at, number in counts_of(record) if start <= at < end]
        yield Page(counts=counts, services=(service,), query=version_of([query]))
        if token is None or pull.stopping():
            return
        if token in tokens:
            raise UnavailableError("x: the pages of counts go round in circles")
        tokens.add(token)


def draw(
    client: Client, pull: Pull, service: str, window: tuple[int, int], most: int, via: str
) -> Iterator[Page]:
    """Pages with every post of a window; the last one says how many there were."""
    query = one_query_of(service, pull, PLATFORMS[via])
    question, token, n_posts = Question(query, *window), None, 0
    tokens: set[str] = set()
    while True:
        record = client.search(question, token, via=via, most=most)
        read = Read()
        read.add(record, pull)
        n_posts += read.seen
        token = next_token(record)
        windows = [Window(*window, n_posts)] if token is None else []
        yield Page(
            posts=read.posts,
            edits=read.edits,
            raws=read.raws,
            skipped=dict(read.skipped),
            seen=read.seen,
            services=(service,),
            query=version_of([query]),
            windows=windows,
        )
        if token is None or pull.stopping():
            return
        if token in tokens:
            raise UnavailableError("x: the pages of a search go round in circles")
        tokens.add(token)
