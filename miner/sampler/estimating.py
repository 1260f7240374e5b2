"""Complaints = mentions times the share of complaints in the sample, with an interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from miner.sampler.tallying import Tally

#: Of the normal distribution, for 95 %.
_Z: Final = 1.959964


@dataclass(frozen=True)
class Estimate:
    """How many complaints there are among the mentions of a stretch of time.

    The interval is one of 95 %. All are numbers of posts.
    """

    start: int
    end: int
    mentions: int
    posts: int
    complaints: float
    low: float
    high: float


def share_of(tally: Tally) -> tuple[float, float]:
    """Share of complaints in a tally, and the variance of this estimate.

    The variance is the larger one of two: of a random sample of single posts, with one
    complaint and one other post added so that a sample of complaints alone is not taken
    for certain; and of a random sample of windows, which is larger where posts of a
    window resemble each other. Both vanish when everything was drawn.
    """
    n_posts, n_draws = tally.posts, len(tally.draws)
    if n_posts == 0:
        return (0.0, 0.0) if tally.is_whole else (0.5, 0.25)
    share = tally.complaints / n_posts
    if tally.is_whole:
        return share, 0.0
    smooth = (tally.complaints + 1) / (n_posts + 2)
    left = max(0.0, 1 - n_posts / max(tally.mentions, n_posts + 1))
    of_posts = left * smooth * (1 - smooth) / n_posts
    if n_draws < 2:
        return share, of_posts
    rests = sum((complaints - share * posts) ** 2 for posts, complaints in tally.draws)
    left = 1 - n_draws / tally.n_windows
    return share, max(of_posts, left * n_draws / (n_draws - 1) * rests / n_posts**2)


def estimate(parts: Sequence[Tally]) -> tuple[list[Estimate], Estimate | None]:
    """Estimates of the strata, and of all together (None: there was nothing to estimate).

    Strata of which too little was drawn are taken together with the ones beside them.
    """
    merged = _merged(parts)
    if not merged:
        return [], None
    rows, total, variance = [], 0.0, 0.0
    for tally in merged:
        share, uncertain = share_of(tally)
        rows.append(_row(tally, share, uncertain))
        total += tally.scaled(share)
        variance += tally.mentions**2 * uncertain
    mentions = sum(tally.mentions for tally in merged)
    seen = sum(tally.complaints for tally in merged)
    others = sum(tally.posts for tally in merged) - seen
    half = _quantile(merged) * math.sqrt(variance)
    low = min(total, max(total - half, float(seen)))
    high = max(total, min(total + half, float(mentions - others)))
    posts = sum(tally.posts for tally in merged)
    whole = Estimate(merged[0].start, merged[-1].end, mentions, posts, total, low, high)
    return rows, whole


def _quantile(parts: Sequence[Tally]) -> float:
    """Student's quantile for 95 %: the variance itself is estimated from few windows.

    Degrees of freedom by Welch and Satterthwaite; the quantile by Fisher's expansion.
    """
    terms = [
        (tally.mentions**2 * share_of(tally)[1], max(1, len(tally.draws) - 1)) for tally in parts
    ]
    total = sum(variance for variance, _ in terms)
    if total == 0:
        return _Z
    freedom = total**2 / sum(variance**2 / degrees for variance, degrees in terms)
    second = (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / 96
    return _Z + (_Z**3 + _Z) / (4 * freedom) + second / freedom**2


def _row(tally: Tally, share: float, variance: float) -> Estimate:
    """Estimate of one stratum, by Wilson's interval: it holds for few posts too."""
    low = high = share
    if variance > 0:
        smooth = (tally.complaints + 1) / (tally.posts + 2)
        n = max(smooth * (1 - smooth) / variance, 1.0)
        middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
        low, high = max(0.0, middle - half), min(1.0, middle + half)
    complaints = (tally.scaled(at) for at in (share, low, high))
    return Estimate(tally.start, tally.end, tally.mentions, tally.posts, *complaints)


def _merged(parts: Sequence[Tally]) -> list[Tally]:
    """Tallies that each hold two windows and a post, or everything there is."""
    merged: list[Tally] = []
    for tally in parts:
        if merged and not (_is_enough(tally) and _is_enough(merged[-1])):
            merged[-1] = merged[-1].joined(tally)
        else:
            merged.append(tally)
    return merged


def _is_enough(tally: Tally) -> bool:
    return tally.is_whole or (len(tally.draws) >= 2 and tally.posts > 0)
