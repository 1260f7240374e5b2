"""What each part of the classifier is worth: one change at a time, in one run.

``python benchmarks/ablation.py [POSTS.csv]`` trains each variant on the same 15,000 posts
of the corpus, none of them about a fifth of the services and none of two kinds of posts
(the held-out part of ``miner.classifier.floors``), and prints F1 and average precision
of complaints

* on 5,000 posts of that held-out part, and
* on POSTS.csv (columns text and label), posts the project did not write, if given.

About a minute a variant on one core. The last line is the model
as shipped, trained on everything that is not held out: what more posts are worth.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from classifier import TESTING, TRAINING, sklearn_features  # the script beside this one
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from miner import OutageClassifier
from miner.classifier.corpus import read_corpus
from miner.classifier.evaluation import average_precision
from miner.classifier.floors import is_held_out

Texts = Sequence[str]
#: Scores of texts, higher for surer complaints, and whether each is called one.
Scored = tuple[np.ndarray, np.ndarray]
Fit = Callable[[pd.DataFrame], Callable[[Texts], Scored]]


def ours(**changes: object) -> Fit:
    """The estimator with some of its arguments changed."""

    def fit(train: pd.DataFrame) -> Callable[[Texts], Scored]:
        model = OutageClassifier(**changes).fit(train["text"].tolist(), train["label"].tolist())

        def score(texts: Texts) -> Scored:
            p = model.predict_proba(texts)[:, 0]
            return p, p >= 0.4  # the threshold of the purpose "balanced"

        return score

    return fit


def of_sklearn(estimator: object, **options: object) -> Fit:
    """An estimator of scikit-learn over its own TF-IDF of words and characters."""

    def fit(train: pd.DataFrame) -> Callable[[Texts], Scored]:
        model = make_pipeline(sklearn_features(), estimator(**options))
        model.fit(train["text"], train["label"] == "complaint")

        def score(texts: Texts) -> Scored:
            if hasattr(model, "predict_proba"):
                p = model.predict_proba(texts)[:, 1]
                return p, p >= 0.4
            margin = model.decision_function(texts)
            return margin, margin >= 0

        return score

    return fit


VARIANTS: dict[str, Fit] = {
    "as shipped": ours(),
    "no words left out at random": ours(copies=0),
    "half of the words left out": ours(drop=0.5),
    "plain rarity (power 1)": ours(rarity_power=1.0),
    "no rarity": ours(rarity_power=0.0),
    "single words only": ours(words=(1,), skip=False),
    "words alone, no characters": ours(chars=()),
    "characters alone, no words": ours(words=(), skip=False),
    "words up to three": ours(words=(1, 2, 3)),
    "2^18 places": ours(bits=18),
    "2^20 places": ours(bits=20),
    "names of services not masked": ours(mask_names=False),
    "C = 1": ours(C=1.0),
    "C = 16": ours(C=16.0),
    "scikit-learn, logistic regression": of_sklearn(LogisticRegression, C=4, max_iter=300),
    "scikit-learn, linear SVM": of_sklearn(LinearSVC, C=0.5),
    "scikit-learn, naive Bayes": of_sklearn(ComplementNB),
}


def figures(scored: Scored, is_true: np.ndarray) -> str:
    """F1 and average precision, as they are printed."""
    p, said = scored
    f1 = 2 * np.sum(said & is_true) / max(np.sum(said) + np.sum(is_true), 1)
    return f"{f1:.3f}  {average_precision(is_true, p):.3f}"


def main() -> None:
    """Train and print every variant."""
    corpus = read_corpus()
    held = is_held_out(corpus)
    whole = corpus[~held]
    train = whole.sample(TRAINING, random_state=0)
    tests = [corpus[held].sample(TESTING, random_state=0)]
    if len(sys.argv) > 1:
        tests.append(pd.read_csv(sys.argv[1], dtype="str", keep_default_na=False))
    print(f"trained on {len(train):,} posts, tested on {[len(test) for test in tests]}")
    print(f"{'variant':36}{'held out: F1, AP':>18}{'real: F1, AP':>18}{'seconds':>9}")
    rows = [(name, fit, train) for name, fit in VARIANTS.items()]
    rows.append((f"as shipped, {len(whole):,} posts", ours(), whole))
    for name, fit, posts in rows:
        began = time.process_time()
        score = fit(posts)
        seconds = time.process_time() - began
        cells = [
            figures(score(test["text"].tolist()), (test["label"] == "complaint").to_numpy())
            for test in tests
        ]
        shown = "".join(f"{cell:>18}" for cell in cells)
        print(f"{name:36}{shown}{seconds:9.0f}", flush=True)


if __name__ == "__main__":
    main()
