"""A synthetic replay of the morning of 25 October 2022, when WhatsApp was down.

No post in it is real. The course of events follows what was published: first signals
at 06:37 UTC from India, the United Kingdom from just before 07:00 UTC with 12,000
reports to a report site by 07:30, about 70 % of the reports about sending messages,
service back from about 08:45 UTC. Volumes, wording, languages and authors are made up
by a seeded generator: the same seed gives the same bytes.

The morning is written as six archives in three platform formats (Twitter v1.1,
Mastodon, Pushshift), with the troubles real archives have: a gap in which nothing was
collected, reposts, the same post twice, several posts of one author, deletions, a
torn last line, broken lines, a chain letter pasted by many accounts.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, Final

SEED: Final = 20221025
START: Final = datetime(2022, 10, 25, 5, 30, tzinfo=UTC)
END: Final = datetime(2022, 10, 25, 10, 0, tzinfo=UTC)
#: The truth behind the replay: when the trouble begins and when service comes back.
ONSET: Final = datetime(2022, 10, 25, 6, 37, tzinfo=UTC)
RESTORED: Final = datetime(2022, 10, 25, 8, 45, tzinfo=UTC)
#: Nothing was collected between these times.
GAP: Final = (
    datetime(2022, 10, 25, 9, 10, tzinfo=UTC),
    datetime(2022, 10, 25, 9, 20, tzinfo=UTC),
)

#: Languages with the minute (UTC) their region wakes to the trouble, and their share.
_REGIONS: Final = {
    "hi": (6 * 60 + 37, 0.16, "IN"),
    "en": (6 * 60 + 45, 0.44, "GB"),
    "id": (6 * 60 + 42, 0.10, "ID"),
    "it": (6 * 60 + 52, 0.07, "IT"),
    "de": (6 * 60 + 52, 0.06, "DE"),
    "tr": (6 * 60 + 48, 0.03, "TR"),
    "ar": (6 * 60 + 48, 0.03, "SA"),
    "es": (7 * 60 + 2, 0.07, "ES"),
    "pt": (7 * 60 + 5, 0.04, "BR"),
}
_SYMPTOMS: Final = {"send": 0.70, "down": 0.16, "connect": 0.09, "crash": 0.03, "call": 0.02}
_SERVICES: Final = ("Instagram", "Netflix", "PayPal", "Vodafone", "Spotify", "Gmail", "Steam")
_PLACES: Final = (
    *("Leeds", "Pune", "Lagos", "Jakarta", "Milano", "Köln", "Madrid", "Cardiff", "Delhi"),
    *("Dublin", "Bristol", "Surabaya", "Napoli", "Kochi", "Glasgow", "Sevilla", "Recife"),
)
_TAILS: Final = ("", "", "", "", " 😤", " smh", " ugh", "!!", "??", " 🙄", "...")


@dataclass(frozen=True)
class SyntheticPost:
    """One made-up post: what it is about is the truth that labels can be held against."""

    at: datetime
    kind: str
    lang: str
    text: str
    author: int
    country: str | None


class SyntheticMorning:
    """The posts of the morning, in order of time.

    Args:
        seed: of everything that is drawn.
        scale: multiplies all volumes; 1 gives about 6,000 posts.
    """

    def __init__(self, seed: int = SEED, scale: float = 1.0) -> None:
        self._random = random.Random(seed)  # noqa: S311 # a simulation, no secret
        self._scale = scale
        raw = resources.files("miner.testing").joinpath("morning.toml").read_text("utf-8")
        self._said: dict[str, dict[str, list[str]]] = tomllib.loads(raw)
        self.posts = sorted(self._posts(), key=lambda post: (post.at, post.text))

    def _posts(self) -> Iterator[SyntheticPost]:
        minute = START
        while minute < END:
            for kind, rate in _rates(minute).items():
                for _ in range(self._poisson(rate * self._scale)):
                    yield self._post(minute, kind)
            minute += timedelta(minutes=1)
        for _ in range(12):
            at = datetime(2022, 10, 25, 7, 40, tzinfo=UTC) + timedelta(
                seconds=self._random.randrange(1800)
            )
            yield SyntheticPost(
                at, "chain", "en", self._said["chain"]["en"][0], self._author(), None
            )

    def _post(self, minute: datetime, kind: str) -> SyntheticPost:
        awake = minute.hour * 60 + minute.minute
        said = self._said[self._symptom() if kind == "complaint" else kind]
        shares = {lang: _REGIONS[lang][1] for lang in _REGIONS if lang in said}
        if kind == "complaint" and minute >= ONSET:
            hit = {lang: share for lang, share in shares.items() if awake >= _REGIONS[lang][0]}
            shares = hit or shares
        lang = self._random.choices(list(shares), list(shares.values()))[0]
        text = self._random.choice(said[lang])
        text = text.replace("{r}", f"{self._random.getrandbits(40):010x}")
        text = text.replace("{s}", self._random.choice(_SERVICES))
        if kind not in {"news", "chain"}:
            text = self._styled(text)
        if kind == "complaint" and self._random.random() < 0.08:
            text += " #whatsappdown"
        country = _REGIONS[lang][2] if self._random.random() < 0.12 else None
        at = minute + timedelta(seconds=self._random.randrange(60))
        return SyntheticPost(at, kind, lang, text, self._author(), country)

    def _symptom(self) -> str:
        return self._random.choices(list(_SYMPTOMS), list(_SYMPTOMS.values()))[0]

    def _styled(self, text: str) -> str:
        """The text in somebody's manner: capitals, stretched words, a sigh behind it."""
        draw = self._random.random()
        if draw < 0.06:
            text = text.upper()
        elif draw < 0.12:
            text = text.replace("down", "dowwwn").replace("not", "nooot", 1)
        elif draw < 0.40:
            text = text[0].upper() + text[1:]
        if self._random.random() < 0.35:
            hour = f"{self._random.randrange(6, 10)}:{self._random.randrange(60):02d}"
            text += self._random.choice((f", {self._random.choice(_PLACES)}", f" ({hour})"))
        return text + self._random.choice(_TAILS)

    def _author(self) -> int:
        # One post in twelve comes from somebody who has posted before.
        if self._random.random() < 1 / 12:
            return self._random.randrange(40)
        return self._random.randrange(10**6)

    def _poisson(self, mean: float) -> int:
        """Number of events, by counting exponential waiting times (Knuth)."""
        events, waited = 0, self._random.expovariate(1.0)
        while waited < mean:
            events += 1
            waited += self._random.expovariate(1.0)
        return events


def _rates(minute: datetime) -> dict[str, float]:
    """Posts a minute of each kind."""
    since = (minute - ONSET).total_seconds() / 60
    after = (minute - RESTORED).total_seconds() / 60
    rising = 0.0 if since < 0 else min(1.0, (since + 1) / 40) ** 1.3
    fading = 1.0 if after < 0 else 2 ** (-after / 9)
    return {
        "complaint": 0.15 + 26 * rising * fading,
        "recovery": 0.02 + (0 if after < 0 else 9 * min(1, (after + 1) / 6) * 2 ** (-after / 25)),
        "news": 0.02 + (0 if since < 18 else 2.2 * fading + 0.5),
        "joke": 0.05 + (0 if since < 12 else 5 * rising * fading),
        "elsewhere": 0.5,
        "ordinary": 7.0,
    }


def write_demo(folder: str | Path, seed: int = SEED) -> list[Path]:
    """Write the morning as archives; returns the files, the same bytes for a seed."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    posts = SyntheticMorning(seed).posts
    generator = random.Random(seed + 1)  # noqa: S311
    platforms = ("twitter_v1", "mastodon", "reddit")
    by_platform: dict[str, list[SyntheticPost]] = {name: [] for name in platforms}
    for post in posts:
        by_platform[generator.choices(platforms, (0.78, 0.12, 0.10))[0]].append(post)
    written = []
    for name, own in by_platform.items():
        before = [post for post in own if post.at < GAP[0]]
        behind = [post for post in own if post.at >= GAP[1]]
        for part, some in (("1", before), ("2", behind)):
            lines = _WRITERS[name](some, generator)
            path = folder / f"synthetic_{name}_2022-10-25_{part}.jsonl.gz"
            path.write_bytes(_compressed(_troubled(lines, generator, torn=part == "1")))
            written.append(path)
    return written


def _troubled(lines: list[str], generator: random.Random, *, torn: bool) -> bytes:
    """Lines with what goes wrong on disk: a broken line, the last one torn."""
    lines = list(lines)
    lines.insert(len(lines) // 3, "\x00\x00 connection reset by peer")
    lines.insert(len(lines) // 2, lines[len(lines) // 2])  # the same record twice
    text = "\n".join(lines) + "\n"
    if torn:
        text = text[: -generator.randrange(20, 60)]
    return text.encode()


def _compressed(raw: bytes) -> bytes:
    buffer = io.BytesIO()
    # No name and no time in the header: the same posts give the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
        file.write(raw)
    return buffer.getvalue()


def _dump(record: dict[str, Any], *, ascii_only: bool = False) -> str:
    return json.dumps(record, ensure_ascii=ascii_only, separators=(",", ":"))


def _snowflake(at: datetime, generator: random.Random) -> int:
    milliseconds = int(at.timestamp() * 1000) - 1288834974657
    return milliseconds << 22 | generator.getrandbits(22)


def _twitter(posts: list[SyntheticPost], generator: random.Random) -> list[str]:
    lines = []
    for number, post in enumerate(posts):
        status = _status(post, _snowflake(post.at, generator))
        lines.append(_dump(status, ascii_only=True))
        if number % 40 == 7:
            repost = _status(post, _snowflake(post.at + timedelta(seconds=40), generator))
            repost["text"] = f"RT @synthetic{post.author}: {post.text}"[:139] + "…"
            repost["retweeted_status"] = status
            lines.append(_dump(repost, ascii_only=True))
        if number % 300 == 150:
            gone = {"id": status["id"], "id_str": status["id_str"], "user_id": 1}
            stamp = str(int(post.at.timestamp() * 1000))
            lines.append(_dump({"delete": {"status": gone, "timestamp_ms": stamp}}))
    stamp = str(int(posts[-1].at.timestamp() * 1000))
    lines.append(_dump({"limit": {"track": 120, "timestamp_ms": stamp}}))
    return lines


def _status(post: SyntheticPost, number: int) -> dict[str, Any]:
    place = post.country and {"country_code": post.country, "full_name": "Synthetic"}
    return {
        "created_at": post.at.strftime("%a %b %d %H:%M:%S +0000 %Y"),
        "id": number,
        "id_str": str(number),
        "text": post.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
        "truncated": False,
        "source": "synthetic demo of miner",
        "in_reply_to_status_id_str": None,
        "user": {
            "id_str": str(post.author),
            "screen_name": f"synthetic{post.author}",
            "description": "made up",
        },
        "place": place,
        "lang": post.lang,
    }


def _mastodon(posts: list[SyntheticPost], generator: random.Random) -> list[str]:
    lines = []
    for post in posts:
        number = str(_snowflake(post.at, generator))
        name = f"synthetic{post.author}"
        text = post.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        record = {
            "id": number,
            "created_at": post.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "in_reply_to_id": None,
            "sensitive": False,
            "spoiler_text": "",
            "visibility": "public",
            "language": post.lang,
            "uri": f"https://synthetic.invalid/users/{name}/statuses/{number}",
            "edited_at": None,
            "content": f"<p>{text}</p>",
            "reblog": None,
            "account": {"id": str(post.author), "username": name, "acct": name},
        }
        lines.append(_dump(record))
    return lines


def _reddit(posts: list[SyntheticPost], generator: random.Random) -> list[str]:
    lines = []
    for post in posts:
        number = f"{generator.getrandbits(34):x}"
        record = {
            "id": number,
            "name": f"t1_{number}",
            "author": f"synthetic{post.author}",
            "created_utc": int(post.at.timestamp()),
            "body": post.text,
            "parent_id": "t3_synth",
            "link_id": "t3_synth",
            "subreddit": "synthetic",
            "retrieved_on": int(END.timestamp()) + 90_000,
        }
        lines.append(_dump(record))
    return lines


_WRITERS: Final[dict[str, Callable[[list[SyntheticPost], random.Random], list[str]]]] = {
    "twitter_v1": _twitter,
    "mastodon": _mastodon,
    "reddit": _reddit,
}
