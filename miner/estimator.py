"""The number of complaints behind imperfect labels, bin by bin, with 95 % intervals.

A classifier misses some complaints and takes some other posts for complaints, so that
counting its labels overstates a quiet bin (most posts are none, and a share of them is
mistaken) and understates a severe one. With the true positive rate t and the false
positive rate f, a bin of n posts with K complaints gives c labels, of mean
``K t + (n - K) f``: turned round, ``K = (c - n f) / (t - f)``, the adjusted count of
Gart and Buck (1966, Am. J. Epidemiol. 83:593) and Forman (2008, Data Min. Knowl. Disc.
17:164). In a quiet bin that is often negative, and cutting it off at 0 overstates the
mean of such bins; therefore the estimate is the expected number of complaints given the
labels, under the distribution of shares that explains all bins of the service best, found
by expectation and maximisation (Laird 1978, J. Am. Stat. Assoc. 73:805). A single bin gives
the adjusted count.

The interval is Bayesian: t and f have Beta posteriors from a labelled set, K has a flat
prior, and both are integrated out (as in Fiksel et al. 2022, Biometrics 78:1040).

It holds where the words of complaints and others do not change, only their mix. Between
collections of posts they do change, and the rates with them: rates of the shipped
classifier therefore are as uncertain as they differ between collections, many times more
than the number of labelled posts would say (:meth:`Rates.between`). It counts complaints,
never affected users.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from miner.errors import InputError, UsageError
from miner.post import require_columns

Floats = NDArray[np.float64]

_QUANTILES: Final = (0.025, 0.975)
#: Pairs of rates that stand for their posteriors, and grid points of the number.
_DRAWS: Final = 256
_POINTS: Final = 400
#: Up to so many posts a bin, the sum of two binomials is taken exactly.
_EXACT: Final = 40
#: Shares of complaints that a bin may have, closer near 0, and rounds to find how common each is.
_SHARES: Final = np.linspace(0, 1, 141) ** 2
_ROUNDS: Final = 200


@dataclass(frozen=True)
class Rates:
    """How a classifier did on a labelled set: numbers of posts.

    ``prior`` is added to each number: 1 is the uniform prior of rates, 0 for numbers that
    describe their whole uncertainty already.

    >>> Rates(hits=90, misses=10, false=5, right=95).true_positive
    0.9
    """

    hits: float
    misses: float
    false: float
    right: float
    prior: float = 1.0

    def __post_init__(self) -> None:
        """Check that the rates can be told apart.

        Raises:
            UsageError: no posts of a kind, or labels no better than chance.
        """
        if min(self.hits, self.misses, self.false, self.right) < 0:
            raise UsageError("numbers of posts are 0 or more")
        if self.hits + self.misses == 0 or self.false + self.right == 0:
            raise UsageError("rates need labelled complaints and labelled others; give both kinds")
        if self.true_positive <= self.false_positive:
            raise UsageError("these labels are no better than chance: nothing can be estimated")

    @property
    def true_positive(self) -> float:
        """Share of complaints that are labelled so."""
        return self.hits / (self.hits + self.misses)

    @property
    def false_positive(self) -> float:
        """Share of other posts that are labelled as complaints."""
        return self.false / (self.false + self.right)

    @classmethod
    def of(cls, truth: pd.Series, labels: pd.Series) -> Rates:
        """From true labels and those of the classifier, "complaint" or anything else."""
        is_true, is_label = (s.to_numpy() == "complaint" for s in (truth, labels))
        return cls(
            float((is_true & is_label).sum()),
            float((is_true & ~is_label).sum()),
            float((~is_true & is_label).sum()),
            float((~is_true & ~is_label).sum()),
        )

    @classmethod
    def between(cls, truth: pd.Series, labels: pd.Series, groups: pd.Series) -> Rates:
        """Rates of a group of posts not seen yet, from those of several groups.

        The rates of groups are taken as beta distributed around the pooled ones. The
        correlation within groups (analysis of variance, Fleiss, Levin and Paik 2003,
        Statistical Methods for Rates and Proportions, ch. 15) gives its width; the larger of
        those of both rates serves for both, few groups tell little.

        Args:
            truth: true labels.
            labels: of the classifier, in the same order.
            groups: which collection (service, platform, time) each post belongs to.
        """
        pooled = cls.of(truth, labels)
        is_true, is_label = (s.to_numpy() == "complaint" for s in (truth, labels))
        spread = max(
            _correlation(is_label[kind], groups.to_numpy()[kind]) for kind in (is_true, ~is_true)
        )
        size = min((1 - spread) / spread, float(min(is_true.sum(), (~is_true).sum())))
        t, f = pooled.true_positive, pooled.false_positive
        return cls(t * size, (1 - t) * size, f * size, (1 - f) * size, prior=0.0)

    def draws(self, n: int) -> tuple[Floats, Floats]:
        """Pairs of rates spread evenly over their posteriors (uniform priors)."""
        from scipy.stats import beta

        even = (np.arange(n) + 0.5) / n
        golden = (np.arange(n) * 0.6180339887498949 + 0.5) % 1.0
        t = beta.ppf(even, *self._beta(self.hits, self.misses))
        f = beta.ppf(golden, *self._beta(self.false, self.right))
        return np.maximum(t, f + 1e-3).clip(1e-6, 1 - 1e-6), f.clip(1e-6, 1 - 1e-6)

    def _beta(self, right: float, wrong: float) -> tuple[float, float]:
        return max(right + self.prior, 1e-3), max(wrong + self.prior, 1e-3)


def _correlation(marks: NDArray[np.bool_], groups: NDArray[np.object_]) -> float:
    """Correlation of marks within groups, 0.005 at least: groups are never quite alike."""
    table = pd.Series(marks.astype(float)).groupby(groups).agg(["sum", "size"])
    k, n = table["sum"].to_numpy(float), table["size"].to_numpy(float)
    share, total = k.sum() / n.sum(), n.sum()
    if len(n) < 2 or share in {0.0, 1.0}:
        return 0.005
    between = (n * (k / n - share) ** 2).sum() / (share * (1 - share)) - (len(n) - 1)
    room = total - (n**2).sum() / total - (len(n) - 1)
    return float(np.clip(between / room, 0.005, 0.9))


#: Of the shipped classifier on a collection of posts it has not seen, by the mode of matching
#: and the purpose of labelling, from 1,075 real posts of eight collections
#: (`python benchmarks/detection/estimation.py` prints them; `miner evaluate` such numbers
#: for your own posts).
SHIPPED: Final = {
    ("phrase", "balanced"): Rates(5.66, 1.27, 1.19, 5.74, prior=0),
    ("phrase", "precise"): Rates(4.20, 2.39, 0.49, 6.10, prior=0),
    ("phrase", "sensitive"): Rates(12.79, 1.83, 4.47, 10.14, prior=0),
    ("mention", "balanced"): Rates(10.37, 3.41, 1.33, 12.45, prior=0),
    ("mention", "precise"): Rates(4.40, 3.20, 0.27, 7.33, prior=0),
    ("mention", "sensitive"): Rates(18.97, 4.06, 3.97, 19.05, prior=0),
}
USUAL: Final = SHIPPED["phrase", "balanced"]


def with_limits(series: pd.DataFrame, rates: Rates = USUAL) -> pd.DataFrame:
    """The series with ``complaints_low, complaints_high`` filled; counts stay as they are.

    95 % limits of the complaints behind the labels of each bin. A series split by symptom
    keeps them empty: only complaints have a symptom, so that nothing is known of what was
    missed.

    Raises:
        SchemaError: a column is missing.
        InputError: more complaints than mentions in a bin.
    """
    if "symptom" in series:
        return series
    table = estimate(series, rates)
    names = ["complaints_low", "complaints_high"]
    return series.assign(**{name: table[name].round(1) for name in names})


def estimate(series: pd.DataFrame, rates: Rates = USUAL, *, sampling: float = 1.0) -> pd.DataFrame:
    """The series with estimated complaints and their 95 % intervals.

    Args:
        series: series table; needs ``mentions`` (posts that were labelled) and
            ``complaints`` (those labelled as complaints).
            Bins of the same ``service`` lend each other strength.
        rates: of the classifier that labelled them.
        sampling: share of all posts that the source gave, such as 0.01 for a random 1 %
            stream; the estimate is of the full stream.

    Returns:
        ``complaints, complaints_low, complaints_high`` are estimates; the count of the
        labels moves to ``complaints_counted``. Null where the count is null.

    Raises:
        SchemaError: a column is missing.
        InputError: more complaints than mentions in a bin.
        UsageError: a sampling share outside 0 to 1.
    """
    require_columns(series, ["mentions", "complaints"], "the series")
    if not 0 < sampling <= 1:
        raise UsageError(f"a sampling share of {sampling} makes no sense; it is over 0, up to 1")
    counted = pd.to_numeric(series["complaints"])
    mentions = pd.to_numeric(series["mentions"])
    known = (counted.notna() & mentions.notna()).to_numpy()
    c = counted.to_numpy("float64", na_value=np.nan)[known]
    n = mentions.to_numpy("float64", na_value=np.nan)[known]
    if (c > n).any():
        raise InputError("the series: more complaints than mentions in a bin; are they swapped?")
    pairs, where = np.unique(np.stack([n, c], axis=1), axis=0, return_inverse=True)
    t, f = rates.draws(_DRAWS)
    found = np.array([interval(int(a), int(b), t, f, sampling) for a, b in pairs])
    columns = np.full((len(series), 3), np.nan)
    if len(pairs):
        services = series["service"].to_numpy()[known] if "service" in series else np.zeros(len(n))
        middle = expected(n, c, pd.factorize(services)[0], rates) / sampling
        low, high = found[where.ravel()].T
        columns[known] = np.stack([middle, np.minimum(low, middle), np.maximum(high, middle)], 1)
    return series.assign(
        complaints_counted=series["complaints"],
        complaints=columns[:, 0],
        complaints_low=columns[:, 1],
        complaints_high=columns[:, 2],
    )


def expected(n: Floats, c: Floats, group: NDArray[np.intp], rates: Rates) -> Floats:
    """Expected complaints of bins of n posts, c of them labelled so; groups are apart."""
    result = np.zeros(len(n))
    for number in np.unique(group):
        own = group == number
        pairs, where, weight = np.unique(
            np.stack([n[own], c[own]], axis=1), axis=0, return_inverse=True, return_counts=True
        )
        result[own] = _expected(pairs[:, 0], pairs[:, 1], weight, rates)[where.ravel()]
    return result


def _expected(n: Floats, c: Floats, weight: NDArray[np.intp], rates: Rates) -> Floats:
    """The same for distinct bins of one group, each ``weight`` times."""
    t, f = rates.true_positive, rates.false_positive
    q = (_SHARES * t + (1 - _SHARES) * f).clip(1e-9, 1 - 1e-9)
    logs = c[:, None] * np.log(q) + (n - c)[:, None] * np.log1p(-q)
    likelihood = np.exp(logs - logs.max(axis=1, keepdims=True))
    common = np.full(len(_SHARES), 1 / len(_SHARES))
    for _ in range(_ROUNDS):
        of_bins = likelihood @ common
        common = common * ((weight / of_bins) @ likelihood) / weight.sum()
    posterior = likelihood * common / (likelihood @ common)[:, None]
    among = c[:, None] * (_SHARES * t / q) + (n - c)[:, None] * (_SHARES * (1 - t) / (1 - q))
    found: Floats = (posterior * among).sum(axis=1).clip(0, n)
    return found


def interval(n: int, c: int, t: Floats, f: Floats, sampling: float = 1.0) -> tuple[float, float]:
    """95 % limits of the complaints among n posts of which c are labelled so.

    ``t`` and ``f`` are draws of the rates.
    """
    if n == 0:
        return 0.0, 0.0 if sampling == 1 else _unseen(0.975, sampling)
    numbers, weights = posterior(n, c, t, f)
    low, high = (_quantile(numbers, weights, q) for q in _QUANTILES)
    if sampling < 1:
        # What was not seen: negative binomial around the limits (thinning by a known share).
        from scipy.stats import nbinom

        low = low + float(nbinom.ppf(_QUANTILES[0], low, sampling)) if low > 0 else 0.0
        high = high + float(nbinom.ppf(_QUANTILES[1], high + 1, sampling))
    return low, high


def _unseen(q: float, sampling: float) -> float:
    """Posts that may exist though a thinned stream showed none."""
    from scipy.stats import nbinom

    return float(nbinom.ppf(q, 1, sampling))


def posterior(n: int, c: int, t: Floats, f: Floats) -> tuple[Floats, Floats]:
    """Numbers of complaints and their weights, given c labels among n posts."""
    if n <= _EXACT:
        numbers = np.arange(n + 1, dtype=float)
        weights = _exact(n, c, t[::8], f[::8])
    else:
        numbers = np.unique(np.round(np.linspace(0, n, min(n, _POINTS) + 1)))
        mean = numbers * t[:, None] + (n - numbers) * f[:, None]
        spread = numbers * (t * (1 - t))[:, None] + (n - numbers) * (f * (1 - f))[:, None]
        spread = np.maximum(spread, 0.25)
        weights = (np.exp(-0.5 * (c - mean) ** 2 / spread) / np.sqrt(spread)).mean(axis=0)
    total = weights.sum()
    if total <= 0:  # labels that the rates cannot explain: all of them, or none
        weights = (numbers == numbers[np.argmin(abs(numbers - c))]).astype(float)
        total = 1.0
    return numbers, weights / total


def _exact(n: int, c: int, t: Floats, f: Floats) -> Floats:
    """Likelihood of c labels for 0 … n complaints: sums of two binomials."""
    from scipy.stats import binom

    numbers = np.arange(n + 1)
    right = np.arange(c + 1)
    hits = binom.pmf(right[:, None, None], numbers[None, :, None], t)
    false = binom.pmf(c - right[:, None, None], (n - numbers)[None, :, None], f)
    summed: Floats = (hits * false).sum(axis=0).mean(axis=-1)
    return summed


def _quantile(numbers: Floats, weights: Floats, q: float) -> float:
    return float(numbers[min(int(np.searchsorted(np.cumsum(weights), q)), len(numbers) - 1)])
