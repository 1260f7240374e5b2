"""The classifier against two others, side by side in one run: speed and quality.

``python benchmarks/classifier.py [POSTS.csv]`` trains each side on the same 15,000 posts
of ``data/corpus`` and labels POSTS.csv (columns text and label; by default 5,000 other
posts of the corpus):

* miner: the estimator of this project;
* scikit-learn: TF-IDF of words (1, 2) and of characters (``char_wb``, 3 to 5) with a
  logistic regression, the script a researcher would write;
* fastText (``pip install fasttext-numpy2``): word bigrams, characters 3 to 5; left out
  where it is not installed.

One thread; the speed is the median of five passes over at least 20,000 texts, from text
to probability, in processor time.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union

from miner import OutageClassifier
from miner.classifier.corpus import read_corpus

TRAINING, TESTING = 15_000, 5_000
Scorer = Callable[[Sequence[str]], np.ndarray]


def miner_side(train: pd.DataFrame) -> Scorer:
    """Probability of a complaint by this project's estimator."""
    model = OutageClassifier().fit(train["text"].tolist(), train["label"].tolist()).fitted
    return lambda texts: model.predict_proba(texts)[:, 0]


def sklearn_features() -> FeatureUnion:
    """TF-IDF of words (1, 2) and of characters (``char_wb``, 3 to 5)."""
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
    )


def sklearn_side(train: pd.DataFrame) -> Scorer:
    """The same by scikit-learn's own TF-IDF pipeline."""
    model = make_pipeline(sklearn_features(), LogisticRegression(C=4, max_iter=300))
    model.fit(train["text"], train["label"])
    column = list(model.classes_).index("complaint")
    return lambda texts: model.predict_proba(texts)[:, column]


def fasttext_side(train: pd.DataFrame) -> Scorer | None:
    """The same by fastText, or None where it is not installed."""
    try:
        import fasttext
    except ImportError:
        return None

    def line(text: str) -> str:
        return text.replace("\n", " ").lower()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        rows = (
            f"__label__{y} {line(t)}" for t, y in zip(train["text"], train["label"], strict=True)
        )
        path.write_text("\n".join(rows), "utf-8")
        model = fasttext.train_supervised(
            str(path), dim=16, epoch=25, lr=0.3, wordNgrams=2, minn=3, maxn=5, thread=1, verbose=0
        )

    def score(texts: Sequence[str]) -> np.ndarray:
        labels, values = model.predict([line(text) for text in texts], k=4)
        return np.array(
            [
                dict(zip(own, p, strict=True)).get("__label__complaint", 0.0)
                for own, p in zip(labels, values, strict=True)
            ]
        )

    return score


def speed(score: Scorer, texts: Sequence[str]) -> float:
    """Posts a second of processor time, median of five passes."""
    score(texts[:2_000])
    rates = []
    for _ in range(5):
        began = time.process_time()
        score(texts)
        rates.append(len(texts) / (time.process_time() - began))
    return statistics.median(rates)


def main() -> None:
    """Train, measure and print all sides."""
    corpus = read_corpus().sample(frac=1, random_state=0)
    train, test = corpus.iloc[:TRAINING], corpus.iloc[TRAINING : TRAINING + TESTING]
    if len(sys.argv) > 1:
        test = pd.read_csv(sys.argv[1], dtype="str", keep_default_na=False)
    texts = (corpus["text"].tolist() * 2)[:20_000]
    is_complaint = (test["label"] == "complaint").to_numpy()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(f"trained on {len(train):,} posts, tested on {len(test):,}")
    sides = {"miner": miner_side, "scikit-learn": sklearn_side, "fastText": fasttext_side}
    ours = 0.0
    for name, make in sides.items():
        score = make(train)
        if score is None:
            print(f"{name:13} not installed")
            continue
        p = score(test["text"].tolist())
        rate = speed(score, texts if name == "miner" else texts[:5_000])
        ours = ours or rate
        f1, ap = f1_score(is_complaint, p >= 0.5), average_precision_score(is_complaint, p)
        print(f"{name:13} {rate:9,.0f} posts/s  1/{ours / rate:5.1f}  F1 {f1:.3f}  AP {ap:.3f}")


if __name__ == "__main__":
    main()
