"""The estimator on corpora resampled to known prevalences, beside quapy's quantifiers.

``python benchmarks/detection/estimation.py [SPLITS]`` (three minutes on a free core, half of
them training):

* **corpus**: a classifier trained on 10,000 posts of ``data/corpus``; the others are split at
  random into a labelled half, which gives the rates, and a half from which bins of 500 posts
  are drawn so that 1 to 70 % are complaints. Repeated over SPLITS splits (20 by default), 20 bins
  each.
* **real posts**, where they are beside the clone: the shipped classifier, which has not
  seen them; bins of 100 posts, since there are 1,075 in all.
* **collections**: rates of all but one collection of the real posts, with the spread between
  collections (``Rates.between``), against the complaints of the one left out.

Printed are the mean estimate over the truth and the share of truths within the 95 % interval; for
counting (CC), quapy's ACC, PACC and EMQ the mean alone (``pip install quapy>=0.2.3``).
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from miner import OutageClassifier, estimate, label, match
from miner.classifier import PURPOSES, shipped
from miner.classifier.corpus import read_corpus
from miner.estimator import Rates

PREVALENCES = (0.01, 0.03, 0.10, 0.30, 0.70)
TRAINED_ON = 10_000
#: Labelled real posts, beside the clone and never inside it.
REAL = Path(__file__).resolve().parents[3] / "shared" / "eval" / "posts_dev.csv"

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Quantifier = Callable[[Floats], float]


@dataclass(frozen=True)
class Pool:
    """Labelled posts: the truth, and the probability of a classifier that has not seen them."""

    is_true: Bools
    p: Floats
    threshold: float = PURPOSES["balanced"]

    def __getitem__(self, rows: NDArray[np.int64]) -> Pool:
        return replace(self, is_true=self.is_true[rows], p=self.p[rows])

    @property
    def is_label(self) -> Bools:
        """Whether each post is labelled as a complaint."""
        return self.p >= self.threshold

    def halves(self, rng: np.random.Generator) -> tuple[Pool, Pool]:
        """Two random halves."""
        order = rng.permutation(len(self.p))
        return self[order[: len(order) // 2]], self[order[len(order) // 2 :]]

    def drawn(self, rng: np.random.Generator, size: int, complaints: int) -> Pool:
        """``size`` different posts of which ``complaints`` are complaints."""
        rows = [
            rng.choice(np.flatnonzero(self.is_true == kind), number, replace=False)
            for kind, number in ((True, complaints), (False, size - complaints))
        ]
        return self[np.concatenate(rows)]

    def rates(self) -> Rates:
        """True and false positives of the labels."""
        kinds = [
            np.where(x, "complaint", "other").astype(object) for x in (self.is_true, self.is_label)
        ]
        return Rates.of(*map(pd.Series, kinds))


def corpus_pool(n_train: int = TRAINED_ON) -> Pool:
    """Posts of the corpus that a classifier trained on ``n_train`` others has not seen."""
    table = read_corpus().sample(frac=1, random_state=0)
    seen, rest = table.iloc[:n_train], table.iloc[n_train:]
    model = OutageClassifier().fit(seen["text"].tolist(), seen["label"].tolist()).fitted
    return _pool(rest, model)


def real_posts() -> pd.DataFrame:
    """Labelled real posts."""
    return pd.read_csv(REAL, dtype="str", keep_default_na=False)


def _pool(table: pd.DataFrame, model: object) -> Pool:
    p = model.predict_proba(table["text"].tolist())  # type: ignore[attr-defined]
    return Pool((table["label"] == "complaint").to_numpy(), p[:, 0].astype(float))


def measure(
    pool: Pool, size: int, splits: int = 20, bins: int = 20, *, others: bool = False, seed: int = 0
) -> pd.DataFrame:
    """Mean estimate over truth, and coverage, by prevalence.

    Returns:
        One row a prevalence: ``prevalence, ours, cover, low, high`` (mean limits over the
        truth), ``CC`` and, with ``others``, quapy's ``ACC, PACC, EMQ``.
    """
    rng = np.random.default_rng(seed)
    found: list[dict[str, float]] = []
    for _ in range(splits):
        labelled, rest = pool.halves(rng)
        rates = labelled.rates()
        rivals = dict(quapy_methods(labelled)) if others else {}
        for prevalence in PREVALENCES:
            truth = max(1, round(size * prevalence))
            drawn = [rest.drawn(rng, size, truth) for _ in range(bins)]
            counts = [int(own.is_label.sum()) for own in drawn]
            table = estimate(pd.DataFrame({"mentions": size, "complaints": counts}), rates)
            for own, row in zip(drawn, table.to_dict("records"), strict=True):
                low, high = row["complaints_low"], row["complaints_high"]
                found.append(
                    {
                        "prevalence": prevalence,
                        "ours": row["complaints"] / truth,
                        "cover": low <= truth <= high,
                        "low": low / truth,
                        "high": high / truth,
                        "CC": row["complaints_counted"] / truth,
                        **{name: size * f(own.p) / truth for name, f in rivals.items()},
                    }
                )
    return pd.DataFrame(found).astype("float64").groupby("prevalence").mean().reset_index()


class _Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # untyped base
    """A classifier whose input is its answer: probabilities of other and complaint."""

    classes_ = np.array([0, 1])

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = threshold

    def __sklearn_is_fitted__(self) -> bool:  # scikit-learn's own name
        return True

    def fit(self, *_: object) -> _Given:
        """Nothing to learn."""
        return self

    def predict_proba(self, given: Floats) -> Floats:
        """The probabilities as they are."""
        return given

    def predict(self, given: Floats) -> NDArray[np.int64]:
        """1 from the threshold on."""
        return (given[:, 1] >= self.threshold).astype(np.int64)


def quapy_methods(labelled: Pool) -> Iterator[tuple[str, Quantifier]]:
    """Prevalence by quapy's methods, fitted on the same labelled posts; none without quapy."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from quapy.method.aggregative import ACC, EMQ, PACC
    except ImportError:
        return
    for kind in (ACC, PACC, EMQ):
        more = {"exact_train_prev": False} if kind is EMQ else {}
        method = kind(_Given(labelled.threshold), fit_classifier=False, val_split=None, **more)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            method.fit(_both(labelled.p), labelled.is_true.astype(int))
        yield kind.__name__, lambda p, method=method: float(method.predict(_both(p))[1])


def _both(p: Floats) -> Floats:
    return np.stack([1 - p, p], axis=1)


def left_out(mode: str, purpose: str = "balanced") -> pd.DataFrame:
    """Every collection of the real posts, estimated with the rates of all the others."""
    table = _labelled(mode, purpose)
    rows = []
    for name, own in table.groupby("dataset"):
        others = table[table["dataset"] != name]
        rates = Rates.between(others["true"], others["label"], others["dataset"])
        n, c = len(own), int((own["label"] == "complaint").sum())
        (row,) = estimate(pd.DataFrame({"mentions": [n], "complaints": [c]}), rates).itertuples()
        truth = int((own["true"] == "complaint").sum())
        limits = (round(row.complaints_low), round(row.complaints_high))
        rows.append((name, n, c, truth, *limits, limits[0] <= truth <= limits[1]))
    names = ["collection", "posts", "labelled", "complaints", "low", "high", "holds"]
    return pd.DataFrame(rows, columns=names)


def _labelled(mode: str, purpose: str) -> pd.DataFrame:
    table = real_posts().rename(columns={"label": "true"}).drop(columns="symptom")
    table["service"] = table["service"].replace("", None).fillna("any")
    return label(match(table, mode=mode), shipped(), purpose=purpose)  # type: ignore[arg-type]


def shipped_rates() -> Iterator[str]:
    """Lines of ``miner.estimator.SHIPPED`` as the real posts give them."""
    for mode in ("phrase", "mention"):
        for purpose in PURPOSES:
            table = _labelled(mode, purpose)
            rates = Rates.between(table["true"], table["label"], table["dataset"])
            numbers = ", ".join(
                f"{x:.2f}" for x in (rates.hits, rates.misses, rates.false, rates.right)
            )
            yield f'    ("{mode}", "{purpose}"): Rates({numbers}, prior=0),'


def main() -> None:
    """Measure and print."""
    splits = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    show = {"index": False, "float_format": "{:.2f}".format}
    pool = corpus_pool()
    print(f"corpus, {len(pool.p):,} posts")
    for purpose in ("balanced", "precise"):
        own = replace(pool, threshold=PURPOSES[purpose])
        t, f = own.rates().true_positive, own.rates().false_positive
        print(f"{purpose}: true positive rate {t:.3f}, false positive rate {f:.3f}")
        print(measure(own, 500, splits, others=purpose == "balanced").to_string(**show))
    if not REAL.exists():
        print(f"no real posts at {REAL}")
        return
    real = _pool(real_posts(), shipped())
    print(f"\nreal posts, {len(real.p):,}, bins of 100")
    print(measure(real, 100, splits, others=True).to_string(**show))
    for mode in ("phrase", "mention"):
        print(f"\neach collection with the rates of the others, mode {mode}")
        print(left_out(mode).to_string(index=False))
    print("\nrates of the shipped classifier on a collection it has not seen:")
    print("\n".join(shipped_rates()))


if __name__ == "__main__":
    main()
