"""Fitting the weights, and the one command that makes the shipped model.

``python -m miner.classifier.training`` trains on ``data/corpus`` and writes the model
file of the package; the same corpus gives the same bytes.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from miner.classifier.corpus import fingerprint, read_corpus
from miner.classifier.features import Features
from miner.text import CJK

#: A word with the blanks after it.
_WORD = re.compile(rf"(?:[{CJK}]|[^\s{CJK}]+)\s*")


def thin(text: str, drop: float, chance: random.Random) -> str:
    """A text without a random share of its words (characters, where no blanks part them).

    The rest is one word at least. Dropping words at random regularises a linear model
    towards weights that share the work (Wager, Wang and Liang, "Dropout training as
    adaptive regularization", NIPS 2013).
    """
    words: list[str] = _WORD.findall(text)
    kept = [word for word in words if chance.random() >= drop]
    return "".join(kept or words)


def rarity(features: Features, bits: int, power: float) -> NDArray[np.float32]:
    """Inverse document frequency of each place to a power, shape (2**bits,).

    Smoothed as in scikit-learn. A power above 1 (1.5 by default) damps what stands in
    many posts; it did best in the ablation (docs/classifier.md).
    """
    counts = np.zeros(1 << bits, dtype=np.int64)
    for index, start in zip(features.index, features.start, strict=True):
        post = np.repeat(np.arange(features.n_posts, dtype=np.int64), np.diff(start))
        counts += np.bincount(
            np.unique(post << bits | index) & ((1 << bits) - 1), minlength=1 << bits
        )
    idf: NDArray[np.float64] = (np.log((1 + features.n_posts) / (1 + counts)) + 1) ** power
    return idf.astype(np.float16).astype(np.float32)


def matrix(features: Features, idf: NDArray[np.float32]) -> sparse.csr_matrix:
    """Sparse matrix of features, shape (n, 2**bits): tf-idf, rows scaled as in scoring."""
    posts = [np.repeat(np.arange(features.n_posts), np.diff(start)) for start in features.start]
    row, column = np.concatenate(posts), np.concatenate(features.index)
    weight = idf[column]
    length = np.sqrt(np.bincount(row, weight.astype(np.float64) ** 2, minlength=features.n_posts))
    scale = 1 / np.maximum(length, 1e-9)
    shape = (features.n_posts, len(idf))
    return sparse.csr_matrix(((weight * scale[row]).astype(np.float32), (row, column)), shape=shape)


def fit_linear(
    features: Features,
    idf: NDArray[np.float32],
    y: NDArray[np.object_],
    classes: Sequence[str] | NDArray[np.object_],
    *,
    strength: float,
    sample_weight: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float16], NDArray[np.float64]]:
    """Softmax regression: weights times rarity, shape (2**bits, len(classes)), intercepts."""
    n = len(classes)
    if n == 1 or not features.n_posts:
        return np.zeros((len(idf), n), np.float16), np.zeros(n)
    model = LogisticRegression(C=strength, max_iter=1_000, tol=1e-4)
    model.fit(matrix(features, idf), y, sample_weight=sample_weight)
    order = [list(model.classes_).index(name) for name in classes]
    if n == 2:
        # scikit-learn keeps one column for two classes: the score of the second.
        coef = np.stack([-model.coef_[0] / 2, model.coef_[0] / 2])[order]
        intercept = np.array([-model.intercept_[0] / 2, model.intercept_[0] / 2])[order]
    else:
        coef, intercept = model.coef_[order], model.intercept_[order]
    return (coef.T * idf[:, None]).astype(np.float16), intercept.astype(np.float64)


def main(path: str | Path | None = None) -> None:
    """Train the shipped model from the corpus of this clone, and write it to its place."""
    from miner.classifier.files import SHIPPED, save  # it imports the model,
    from miner.classifier.model import OutageClassifier  # which imports this

    path = Path(__file__).parent / SHIPPED if path is None else Path(path)
    table = read_corpus()
    model = OutageClassifier().fit(
        table["text"].tolist(), table["label"].tolist(), table["symptom"].tolist()
    )
    card = {
        "trained_on": {"posts": len(table), "sha256": fingerprint(table)},
        "intended_use": "labelling short public posts about whether a service works",
        "limits": "trained on posts written for this project; languages other than the 14 of "
        "the corpus, and texts longer than a few hundred characters, are less certain",
    }
    save(model.fitted, path, card)
    size = path.stat().st_size
    sys.stdout.write(f"{path.name}: {len(table):,} posts, {size:,} bytes\n")


if __name__ == "__main__":
    main()
