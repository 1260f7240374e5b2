"""Mastodon: hashtags, searches and public timelines of several servers.

There is no search over all of Mastodon: a server shows what its own users write and
what reached it from others. Asking several and joining by the global id of a post
gives more; what was watched is what *all* of them have told.
"""

from __future__ import annotations

import functools
import os
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from miner.errors import RefusedError, UnavailableError, UsageError
from miner.formats import Deletion
from miner.sources.asking import base_of
from miner.sources.mastodon.instance import FEEDS, Instance
from miner.sources.mastodon.question import Question
from miner.sources.mastodon.questions import kinds_of, questions_to, tags_of, version_of
from miner.sources.mastodon.records import StatusBatch
from miner.sources.mastodon.resting import Resting
from miner.sources.mastodon.stream import Event, Stream
from miner.sources.parsing import parse
from miner.sources.protocol import Break, Page, Pull
from miner.sources.telling import Known, told

INSTANCES: Final = ("https://mastodon.social", "https://mstdn.social")
TOKEN: Final = "MASTODON_ACCESS_TOKEN"  # noqa: S105 - the name of a variable
#: Seconds from one round of questions to the next.
_EVERY: Final = 60.0
#: Requests a second, half of what a server allows (300 in 5 minutes): a round of many
#: questions is followed by a longer pause.
_PACE: Final = 0.5
#: Posts whose local id is remembered, for deletions that a stream tells of.
_REMEMBERED: Final = 50_000


class Mastodon:
    """Mastodon servers.

    Settings: ``instances`` (addresses between commas; those of ``url`` before),
    ``ask`` (``tags``, ``search``, ``public``, ``local``), ``tags.<service>`` (hashtags
    of a service), ``stream`` (``public``, ``public:local`` or ``tags``; needs a token),
    ``every`` (seconds between rounds), ``settle`` and ``overlap`` (seconds: younger
    posts are not called watched; are read again for edits and deletions).

    The token in ``MASTODON_ACCESS_TOKEN`` is shown to the first instance alone.
    """

    name = "mastodon"

    def __init__(self) -> None:
        self._instances: dict[str, Instance] = {}
        self._heard: set[str] = set()  # hosts that said what they let us see
        self._resting = Resting()
        self._done: set[str] = set()  # questions answered in this catching up
        self._streams: dict[tuple[str, str], Stream] = {}
        self._ids: OrderedDict[tuple[str, str], str] = OrderedDict()

    def pages(self, pull: Pull) -> Iterator[Page]:
        """Pages of rounds of questions, and of streams between them.

        Raises:
            UnavailableError: a server gives nothing for now, and no other one did.
            RefusedError: a server wants a token, or shows nothing.
        """
        instances = self._chosen(pull)
        questions = {one.host: _questions(one, pull) for one in instances}
        try:
            while not pull.stopping():
                self._follow(instances, pull)
                began = pull.clock.monotonic()
                n_pages = 0
                for page in self._round(instances, questions, pull):
                    yield page
                    n_pages += 1
                if pull.catch_up:
                    self._done.clear()
                    return
                every = max(_number(pull, "every", _EVERY), n_pages / _PACE)
                yield from self._between(pull, began + every)
        finally:
            for stream in self._streams.values():
                stream.close()
            self._streams.clear()

    def _chosen(self, pull: Pull) -> list[Instance]:
        texts = (pull.url or pull.options.get("instances") or ",".join(INSTANCES)).split(",")
        token = os.environ.get(TOKEN, "").strip() or None
        bases = list(dict.fromkeys(base_of(text.strip()) for text in texts if text.strip()))
        if not bases:
            raise UsageError("mastodon.instances names no server; write https://mastodon.social")
        for n, base in enumerate(bases):
            if base not in self._instances:
                self._instances[base] = Instance(base, token if n == 0 else None, pull.clock)
        return [self._instances[base] for base in bases]

    def _round(
        self, instances: list[Instance], questions: dict[str, list[Question]], pull: Pull
    ) -> Iterator[Page]:
        """Ask every server that is not resting; one that fails does not stop the others."""
        errors: list[UnavailableError] = []
        n_answered = 0
        for instance in instances:
            resting = self._resting.why(instance.host, pull.clock)
            if resting is not None:
                errors.append(resting)
                continue
            try:
                if instance.host not in self._heard:
                    yield from _hear(instance, pull)
                    self._heard.add(instance.host)
                for question in questions[instance.host]:
                    yield from self._ask(question, instances, questions, pull)
            except UnavailableError as error:
                errors.append(self._resting.add(instance.host, error, pull.clock))
            else:
                n_answered += 1
                self._resting.clear(instance.host)
            if pull.stopping():
                return
        if errors and (pull.catch_up or not n_answered):
            self._resting.wake()  # from here on the collector waits
            raise min(errors, key=lambda error: error.retry_at or 0)

    def _ask(
        self,
        question: Question,
        instances: list[Instance],
        questions: dict[str, list[Question]],
        pull: Pull,
    ) -> Iterator[Page]:
        """Ask one question, and say what was watched once all of them are answered."""
        if question.name in self._done:
            return
        known = {service: self._known(service, questions) for service in question.services}
        for page in question.pages(pull):
            self._remember(question)
            before, known = known, {s: self._known(s, questions) for s in question.services}
            version = functools.partial(version_of, pull=pull, instances=instances)
            yield from told(page, before, known, version)
        if pull.catch_up and not pull.stopping():
            self._done.add(question.name)

    def _known(self, service: str, questions: dict[str, list[Question]]) -> Known:
        """From when and up to when all questions of a service have been answered."""
        mine = [one for group in questions.values() for one in group if service in one.services]
        places = [one.place for one in mine if one.place is not None]
        if len(places) < len(mine):
            return None
        return max(place.since[service] for place in places), min(place.at for place in places)

    def _remember(self, question: Question) -> None:
        """Remember the global ids of young posts, for a stream tells deletions by local ones."""
        if question.place is not None:
            for local, name in question.place.young.items():
                self._ids[question.instance.host, local] = name
        while len(self._ids) > _REMEMBERED:
            self._ids.popitem(last=False)

    def _follow(self, instances: list[Instance], pull: Pull) -> None:
        """Open the streams that are asked for and not open, those that broke included.

        Raises:
            RefusedError: no token, or one that may not read streams.
        """
        what = pull.options.get("stream", "")
        if not what or pull.catch_up:
            return
        first = instances[0]  # the one that knows our token
        if not first.has_token:
            raise RefusedError(
                f"mastodon: a stream of {first.host} needs a token. {first.advice()}"
            )
        if what not in {"public", "public:local", "tags"}:
            raise UsageError(f"mastodon.stream={what!r}: use public, public:local or tags")
        tags = [tags_of(service, pull)[0] for service in pull.services]
        for name in tags if what == "tags" else [what]:
            old = self._streams.get((first.host, name))
            if old is not None and isinstance(old.error, RefusedError):
                raise old.error
            if old is None or not old.is_alive:
                self._streams[first.host, name] = Stream(first.twin(), name)

    def _between(self, pull: Pull, until: float) -> Iterator[Page]:
        """Wait for the next round; meanwhile pages of what the streams bring."""
        while not pull.stopping() and (left := until - pull.clock.monotonic()) > 0:
            if pull.wait(min(left, 1.0) if self._streams else left):
                return
            for stream in self._streams.values():
                events = stream.take()
                if events:
                    batch = StatusBatch()
                    for event in events:
                        self._take(event, stream.instance.host, batch, pull)
                    yield batch.page()

    def _take(self, event: Event, host: str, batch: StatusBatch, pull: Pull) -> None:
        name, payload = event
        if name == "delete":
            known = self._ids.get((host, payload.strip('"')))
            batch.seen += 1
            if known is not None:
                batch.deletions.append(Deletion(self.name, known, pull.clock.now()))
        elif name in {"update", "status.update"}:
            record = parse(payload.encode(), batch.skipped)
            if isinstance(record, dict):
                batch.add(record, host, pull, is_edit=name != "update")
                for local, post_id in batch.ours.items():
                    self._ids[host, local] = post_id
            else:
                batch.seen += 1
                batch.skipped["payload is not JSON"] += 1


def _questions(instance: Instance, pull: Pull) -> list[Question]:
    """The questions to a server, each where its stored cursor says."""
    found = list(questions_to(instance, pull))
    for question in found:
        question.load(pull)
    return found


def _hear(instance: Instance, pull: Pull) -> Iterator[Page]:
    """What a server lets us see of what is asked for; a change of it is a break."""
    kinds = kinds_of(pull)
    feeds = [kind for kind in FEEDS if kind in kinds or (kind == "public" and "local" in kinds)]
    sides = {kind: instance.access(kind) for kind in feeds}
    told = ", ".join(f"only {side} posts of {kind}" for kind, side in sides.items() if side)
    name = f"{instance.host} access"
    if told != pull.cursors.get(name, ""):
        reason = f"{instance.host} now shows {told or 'all posts'}"
        yield Page(cursors={name: told}, breaks=[Break(pull.clock.now(), reason)])


def _number(pull: Pull, name: str, default: float) -> float:
    try:
        return float(pull.options.get(name, default))
    except ValueError:
        raise UsageError(f"mastodon.{name} is a number of seconds") from None
