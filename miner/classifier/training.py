"""Fitting the weights, and the one command that makes the shipped model.

``python -m miner.classifier.training`` trains on ``data/corpus`` and writes the model
file of the package; the same corpus gives the same bytes.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from miner.classifier.features import Features
from miner.errors import InputError


def matrix(features: Features, bits: int) -> sparse.csr_matrix:
    """Sparse matrix of features, shape (n, 2**bits), each row scaled as in scoring."""
    posts = [np.repeat(np.arange(features.n_posts), np.diff(start)) for start in features.start]
    row, column = np.concatenate(posts), np.concatenate(features.index)
    scale = 1 / np.sqrt(np.maximum(features.n_of_post(), 1))
    shape = (features.n_posts, 1 << bits)
    return sparse.csr_matrix((scale[row].astype(np.float32), (row, column)), shape=shape)


def fit_linear(
    features: Features,
    bits: int,
    y: NDArray[np.object_],
    classes: Sequence[str] | NDArray[np.object_],
    *,
    strength: float,
    sample_weight: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float16], NDArray[np.float64]]:
    """Weights, shape (2**bits, len(classes)), and intercepts of a softmax regression."""
    n = len(classes)
    if n == 1 or not features.n_posts:
        return np.zeros((1 << bits, n), np.float16), np.zeros(n)
    model = LogisticRegression(C=strength, max_iter=1_000, tol=1e-5)
    model.fit(matrix(features, bits), y, sample_weight=sample_weight)
    order = [list(model.classes_).index(name) for name in classes]
    if n == 2:
        # scikit-learn keeps one column for two classes: the score of the second.
        coef = np.stack([-model.coef_[0] / 2, model.coef_[0] / 2])[order]
        intercept = np.array([-model.intercept_[0] / 2, model.intercept_[0] / 2])[order]
    else:
        coef, intercept = model.coef_[order], model.intercept_[order]
    return coef.T.astype(np.float16), intercept.astype(np.float64)


def read_corpus(folder: str | Path) -> pd.DataFrame:
    """Corpus table ``id, text, label, symptom, lang, service, family, author_pass``.

    Raises:
        InputError: the folder holds no corpus.
    """
    files = sorted(Path(folder).glob("*.csv"))
    if not files:
        raise InputError(f"{folder}: no corpus here; run this in a clone of the repository")
    parts = [pd.read_csv(file, dtype="str", keep_default_na=False) for file in files]
    return pd.concat(parts, ignore_index=True)


def fingerprint(table: pd.DataFrame) -> str:
    """SHA-256 of the texts, labels and symptoms of a corpus."""
    digest = hashlib.sha256()
    for row in zip(table["text"], table["label"], table["symptom"], strict=True):
        digest.update("\x1f".join(row).encode() + b"\x1e")
    return digest.hexdigest()


def main() -> None:
    """Train the shipped model from the corpus of this clone."""
    from miner.classifier.files import SHIPPED, save  # it imports the model,
    from miner.classifier.model import OutageClassifier  # which imports this

    package = Path(__file__).parent
    table = read_corpus(package.parents[1] / "data" / "corpus")
    model = OutageClassifier().fit(
        table["text"].tolist(), table["label"].tolist(), table["symptom"].tolist()
    )
    card = {
        "trained_on": {"posts": len(table), "sha256": fingerprint(table)},
        "intended_use": "labelling short public posts about whether a service works",
        "limits": "trained on posts written for this project; languages other than the 14 of "
        "the corpus, and texts longer than a few hundred characters, are less certain",
    }
    save(model, package / SHIPPED, card)
    size = (package / SHIPPED).stat().st_size
    sys.stdout.write(f"{SHIPPED}: {len(table):,} posts, {size:,} bytes\n")


if __name__ == "__main__":
    main()
