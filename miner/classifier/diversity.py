"""How varied a corpus is: near-duplicates, distinct n-grams, tokens that give labels away.

``python -m miner.classifier.diversity`` prints the figures of the shipped corpus.
"""

from __future__ import annotations

import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from miner.classifier.corpus import read_corpus
from miner.text import tokens

#: Posts that shares of distinct n-grams are measured on: they fall with the number of posts.
SAMPLE: Final = 1_000
#: Shingle size, hash functions and bands of the MinHash search. With 32 bands of 4 rows a
#: pair of Jaccard similarity 0.7 is found with probability 1 - (1 - 0.7**4)**32 > 0.999.
_SHINGLE: Final = 5
_BANDS: Final = 32
_ROWS: Final = 4
_PRIME: Final = (1 << 61) - 1


def near_duplicates(texts: Sequence[str], similarity: float = 0.7) -> list[tuple[int, int]]:
    """Pairs of texts whose character 5-grams have a Jaccard similarity above the bound.

    Candidates come from MinHash with banding (Broder 1997; Indyk and Motwani 1998), and
    each one is then compared exactly.
    """
    shingles = [_shingles(text) for text in texts]
    buckets: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for row, signature in enumerate(_signatures(shingles)):
        for band in range(_BANDS):
            part = signature[band * _ROWS : (band + 1) * _ROWS]
            buckets[(band, *part.tolist())].append(row)
    candidates = {pair for rows in buckets.values() for pair in combinations(rows[:50], 2)}
    return sorted(
        (a, b)
        for a, b in candidates
        if len(shingles[a] & shingles[b]) > similarity * len(shingles[a] | shingles[b])
    )


def _shingles(text: str) -> frozenset[int]:
    joined = " ".join(tokens(text))
    return frozenset(
        zlib.crc32(joined[at : at + _SHINGLE].encode())
        for at in range(max(1, len(joined) - _SHINGLE + 1))
    )


def _signatures(shingles: Sequence[frozenset[int]]) -> NDArray[np.uint64]:
    generator = np.random.default_rng(0)
    n = _BANDS * _ROWS
    a, b = generator.integers(1, 1 << 29, size=(2, n), dtype=np.uint64)
    result = np.empty((len(shingles), n), dtype=np.uint64)
    for row, some in enumerate(shingles):
        values = np.fromiter(some, dtype=np.uint64, count=len(some))
        result[row] = ((values[:, None] * a + b) % np.uint64(_PRIME)).min(axis=0)
    return result


def distinct_share(texts: Sequence[str], n: int) -> float:
    """Distinct n-grams of words as a share of all (distinct-n of Li et al. 2016)."""
    grams: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        words = tokens(text)
        grams.update(zip(*(words[at:] for at in range(n)), strict=False))
    return len(grams) / max(1, grams.total())


def giveaways(
    table: pd.DataFrame, *, cover: float = 0.25, purity: float = 0.9
) -> list[tuple[str, str, float, float]]:
    """Tokens that give the label of a family away: (family, token, share, purity).

    A token does that when it stands in at least the share ``cover`` of the family's
    posts, and at least the share ``purity`` of all posts that hold it, in any family,
    have the family's label.
    """
    words = [set(tokens(text)) for text in table["text"]]
    labels = table["label"].to_numpy(dtype=object)
    overall: dict[str, Counter[str]] = defaultdict(Counter)
    for own, name in zip(words, labels, strict=True):
        for word in own:
            overall[word][name] += 1
    found = []
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, key in enumerate(zip(table["family"], table["label"], strict=True)):
        members[key].append(row)
    for (family, label), rows in members.items():
        inside = Counter(word for row in rows for word in words[row])
        for word, n in inside.items():
            share = n / len(rows)
            pure = overall[word][label] / overall[word].total()
            if share >= cover and pure >= purity:
                found.append((family, word, share, pure))
    return sorted(found)


def main() -> None:
    """Print the figures of the shipped corpus."""
    table = read_corpus()
    pairs = near_duplicates(table["text"].tolist())
    doubled = len({row for pair in pairs for row in pair})
    lines = [
        f"posts: {len(table):,}; families: {table['family'].nunique()}",
        f"services: {table['service'].nunique()}; passes: {table['author_pass'].nunique()}",
        f"near-duplicates (Jaccard > 0.7): {doubled} posts, {doubled / len(table):.2%}",
    ]
    lines.append(f"distinct n-grams on {SAMPLE:,} posts of each language:")
    for lang, part in table.groupby("lang"):
        texts = part["text"].sample(min(SAMPLE, len(part)), random_state=0).tolist()
        shares = ", ".join(f"distinct-{n} {distinct_share(texts, n):.2f}" for n in (1, 2, 3))
        lines.append(f"{lang}: {len(part):,} posts, {shares}")
    lines += [f"gives its label away: {found}" for found in giveaways(table)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
