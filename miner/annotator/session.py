"""One sitting: posts one at a time, verdicts given, skipped and taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import pandas as pd

from miner.annotator.ordering import queue, rank
from miner.annotator.posts import Cells, unasked
from miner.annotator.verdicts import Verdicts
from miner.classifier import Classifier
from miner.errors import UsageError
from miner.post import LABELS, SYMPTOMS


class Asked(NamedTuple):
    """A post to be labelled: its cells by column, and how it was drawn."""

    cells: Cells
    drawn: str


class Suggestion(NamedTuple):
    """The model's label with its probability, and the symptom if it is a complaint."""

    label: str
    p: float
    symptom: str


def _now() -> datetime:
    return datetime.now(UTC)


def _is_fair(posts: list[Asked], seed: int) -> bool:
    """Whether no post of the random order up to the last random one has another reason."""
    ranks = [(rank(post.cells["text"], seed), post.drawn == "random") for post in posts]
    last = max((place for place, is_random in ranks if is_random), default=0)
    return all(is_random for place, is_random in ranks if place <= last)


class Session:
    """One sitting: a post at a time, each verdict on disk before the next post.

    Args:
        posts: texts in every column, see :func:`read_posts`; in the order of the file.
        verdicts: the file that verdicts go to, with those of earlier sittings.
        model: whose doubts order the posts, and which suggests labels.
        order: one of :data:`ORDERS`.
        seed: of the random order; keep it as long as the file of verdicts.
        limit: verdicts of this sitting; None for no limit.
        clock: the time now, with a zone.

    Attributes:
        n_left: posts that have no verdict yet.
        is_fair: whether the posts that earlier sittings drew at random are a fair sample
            of the table; another seed, or the order "file" before, spoils that.
    """

    def __init__(
        self,
        posts: pd.DataFrame,
        verdicts: Verdicts,
        model: Classifier,
        *,
        order: str = "informative",
        seed: int = 0,
        limit: int | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._verdicts, self._model, self._limit, self._clock = verdicts, model, limit, clock
        # What can be undone: posts, and whether they were labelled or skipped.
        self._past = [(Asked(cells, drawn), True) for cells, drawn in verdicts.given()]
        self._n_before = len(self._past)
        self._again: list[Asked] = []
        done = [post.cells for post, _ in self._past]
        rows = posts.itertuples(index=False, name=None)
        names = posts.columns.tolist()
        left = list(unasked((dict(zip(names, row, strict=True)) for row in rows), done))
        texts = [cells["text"] for cells in left]
        drawn = queue(texts, order, seed, model, [cells["text"] for cells in done])
        self._queue = (Asked(left[at], how) for at, how in drawn)
        self._post = next(self._queue, None)
        self.n_left = len(left)
        self.is_fair = _is_fair([post for post, _ in self._past], seed)

    @property
    def post(self) -> Asked | None:
        """The post to be labelled; None when all are, or the limit is reached."""
        is_full = self._limit is not None and self._n_now >= self._limit
        return None if is_full else self._post

    @property
    def can_undo(self) -> bool:
        """Whether there is a post to go back to, of this sitting or an earlier one."""
        return bool(self._past)

    def suggest(self) -> Suggestion:
        """What the model says about the post."""
        texts = [self._current().cells["text"]]
        proba = self._model.predict_proba(texts)
        label = str(self._model.decide(proba)[0])
        p = float(proba[0, list(self._model.classes_).index(label)])
        return Suggestion(label, p, str(self._model.predict_symptom(texts)[0]))

    def give(self, label: str, symptom: str = "") -> None:
        """Store the verdict about the post, and go on to the next.

        Raises:
            UsageError: a label or symptom that does not exist.
            OutputError: the file cannot be written.
        """
        symptoms = (*SYMPTOMS, "") if label == "complaint" else ("",)
        if label not in LABELS or symptom not in symptoms:
            raise UsageError(f"no such verdict: {label!r} with the symptom {symptom!r}")
        post = self._current()
        at = self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._verdicts.append([*post.cells.values(), label, symptom, post.drawn, at])
        self.n_left -= 1
        self._go_on(labelled=True)

    def skip(self) -> None:
        """Go on to the next post; this one is asked again at another sitting."""
        self._go_on(labelled=False)

    def undo(self) -> bool:
        """Go back to the post before, taking its verdict back; False if there is none."""
        if not self._past:
            return False
        before, was_labelled = self._past.pop()
        if was_labelled:
            self._verdicts.pop()
            self._n_before = min(self._n_before, len(self._verdicts.rows))
            self.n_left += 1
        if self._post is not None:
            self._again.append(self._post)
        self._post = before
        return True

    def summary(self) -> str:
        """One line: how many verdicts now and in all, by label."""
        labels = Counter(self._verdicts.labels())
        by_label = ", ".join(f"{labels[name]:,} {name}" for name in LABELS if labels[name])
        line = f"labelled {self._n_now:,} now, {labels.total():,} in all"
        return f"{line}: {by_label}" if by_label else line

    @property
    def _n_now(self) -> int:
        return len(self._verdicts.rows) - self._n_before

    def _current(self) -> Asked:
        if self._post is None:
            raise UsageError("no post is left to be labelled")
        return self._post

    def _go_on(self, *, labelled: bool) -> None:
        self._past.append((self._current(), labelled))
        self._post = self._again.pop() if self._again else next(self._queue, None)
