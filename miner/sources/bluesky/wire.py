"""The two wires of Jetstream, Bluesky's stream: addresses, positions, frames.

The old wire (``/subscribe``, here v1) takes and gives times; the new one (v2) gives
sequence numbers, which mean something on one host alone, and takes times too. Hosts
send what has the cursor's own position again, so a first event later than that says
that the host no longer had what lies between.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

import orjson
import zstandard

from miner.errors import UsageError
from miner.formats import Deletion, Skip
from miner.formats.fields import as_dict, as_id
from miner.formats.jetstream import FORMAT
from miner.formats.times import SECOND, epoch_time, is_plausible, iso_time
from miner.post import Post, hash_author

COLLECTION: Final = "app.bsky.feed.post"
V1_PATH: Final = "/subscribe"
V2_PATH: Final = "/xrpc/network.bsky.jetstream.subscribeEvents"
DICTIONARY_PATH: Final = "/xrpc/network.bsky.jetstream.getZstdDictionary"

#: Hosts of Bluesky, asked in turn: the new wire says when a cursor is too old.
HOSTS: Final = (
    "wss://jetstream.us-east.bsky.network" + V2_PATH,
    "wss://jetstream.us-west.bsky.network" + V2_PATH,
    "wss://jetstream2.us-east.bsky.network" + V1_PATH,
    "wss://jetstream2.us-west.bsky.network" + V1_PATH,
)

#: Longer frames are no posts that people write; they are counted and not read.
LARGEST: Final = 1_000_000
#: Times in a stream go back by a second or two (recorded in production), hosts differ
#: by more: a time is resumed from this much earlier, in microseconds.
REWIND: Final = 5 * SECOND
REWIND_ELSEWHERE: Final = 60 * SECOND

_IS_POST: Final = b'"' + COLLECTION.encode() + b'"'
#: What of a frame must be looked at: posts, an account that is gone, the end.
_TELLING: Final = (_IS_POST, b'"active":false', b'"error"')
_GONE: Final = frozenset({"deleted", "takendown"})
_TIME: Final = re.compile(rb'"(?:time_us":\s*(\d{1,17})|time":\s*"([^"]{1,40})")')
_SEQ: Final = re.compile(rb'"seq":\s*(\d{1,18})')


@dataclass(frozen=True)
class Position:
    """A place in the stream: the latest time seen, and where.

    Attributes:
        at: microseconds since 1970 UTC.
        host: the address that gave it.
        seq: sequence number of the last event, on the v2 wire.
    """

    at: int
    host: str = ""
    seq: int | None = None

    def write(self) -> str:
        """The position as a cursor."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Position:
        """The position of a cursor; ``ValueError`` where it is none."""
        values = json.loads(text)
        return cls(int(values["at"]), str(values["host"]), values["seq"])


@dataclass(frozen=True)
class Host:
    """An address that serves the stream, and the wire it speaks."""

    base: str
    is_v2: bool

    @property
    def name(self) -> str:
        """What people call it."""
        return urlsplit(self.base).netloc

    def address(self, position: Position | None, dictionary: int | None) -> str:
        """The address to connect to.

        Args:
            position: where to go on; None: live.
            dictionary: id of the zstd dictionary that we have; None: uncompressed.
        """
        query: list[tuple[str, str]] = [("maxMessageSizeBytes", str(LARGEST))]
        if self.is_v2:
            query += [("collections", COLLECTION), ("kinds", "commit"), ("kinds", "account")]
            if dictionary is not None:
                query.append(("zstdDictionary", str(dictionary)))
        else:
            query.append(("wantedCollections", COLLECTION))
            if dictionary is not None:
                query.append(("compress", "true"))
        if position is not None:
            query.append(("cursor", str(self._cursor(position))))
        return f"{self.base}{V2_PATH if self.is_v2 else V1_PATH}?{urlencode(query)}"

    def _cursor(self, position: Position) -> int:
        here = position.host == self.base
        if here and self.is_v2 and position.seq is not None:
            return position.seq
        return position.at - (REWIND if here or not position.host else REWIND_ELSEWHERE)


def hosts_of(url: str | None, wire: str = "") -> list[Host]:
    """The hosts of an address, or of several between commas; Bluesky's own by default.

    An address without a path is one of the v1 wire, unless ``wire`` is "v2".

    Raises:
        UsageError: not an address, or a wire that does not exist.
    """
    if wire not in {"", "v1", "v2"}:
        raise UsageError(f"unknown wire {wire!r} of Jetstream; use v1 or v2")
    return [_host(text.strip(), wire) for text in (url.split(",") if url else HOSTS)]


def _host(text: str, wire: str) -> Host:
    parts = urlsplit(text)
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not parts.netloc:
        raise UsageError(f"{text!r} is no address of a stream; write it as wss://example.org")
    if parts.username is not None:
        # It would be part of every cursor and error; and the platform asks for none.
        raise UsageError("the address of a stream holds a name or password; take it out")
    path = parts.path.rstrip("/")
    known = {"": wire == "v2", V1_PATH: False, V2_PATH: True, "/xrpc": True}
    if path not in known:
        raise UsageError(f"{text!r}: Jetstream is served at {V1_PATH} or {V2_PATH}")
    return Host(f"{scheme}://{parts.netloc}", known[path])


class Event(NamedTuple):
    """What a frame says: its time, and what came of it.

    ``outcome`` is None where the frame is no post and nothing to note; ``departed`` is the
    hash of an author whose account is gone; ``error`` ends the stream.
    """

    at: int | None
    seq: int | None
    outcome: Post | Deletion | Skip | None
    is_edit: bool = False
    error: str | None = None
    departed: str | None = None


class Reader:
    """Frames to events; what is no post is dropped before it is parsed."""

    def __init__(self, key: bytes, dictionaries: Mapping[str, bytes] | None = None) -> None:
        self._key = key
        data = (dictionaries or {}).get("zstd")
        self.dictionary = None if data is None else zstandard.ZstdCompressionDict(data)
        self._zstd = zstandard.ZstdDecompressor(dict_data=self.dictionary)

    def read(self, frame: bytes, *, is_compressed: bool) -> tuple[Event, bytes]:
        """The event of a frame, and its JSON."""
        if is_compressed:
            try:
                frame = self._zstd.decompress(frame, max_output_size=4 * LARGEST)
            except zstandard.ZstdError:
                return Event(None, None, Skip("not zstd, or of another dictionary")), b""
        if not any(sign in frame for sign in _TELLING):
            return Event(_time_of(frame), _seq_of(frame), None), frame
        if len(frame) > LARGEST:
            return Event(_time_of(frame), _seq_of(frame), Skip("larger than 1 MB")), frame
        try:
            record = orjson.loads(frame)
        except orjson.JSONDecodeError:
            return Event(None, None, Skip("not JSON")), frame
        if not isinstance(record, dict):
            return Event(None, None, Skip("not an object")), frame
        return self._event(record), frame

    def _event(self, record: dict[str, Any]) -> Event:
        if record.get("$type") == "error":
            return Event(None, None, None, error=str(record.get("error"))[:80])
        body = as_dict(record.get("payload")) or record
        if str(body.get("$type")).endswith("#info"):
            return Event(None, None, None)
        at = epoch_time(body.get("time_us"), 1)
        at = iso_time(body.get("time")) if at is None else at
        seq = body.get("seq")
        if not FORMAT.recognise(record):
            return Event(at, None, Skip("unknown frame"))
        number = seq if isinstance(seq, int) else None
        account = as_dict(body.get("account"))
        if account.get("active") is False and account.get("status") in _GONE:
            did = as_id(body.get("did"))
            return Event(at, number, None, departed=did and hash_author(did, self._key))
        commit = as_dict(body.get("commit")) or body
        outcome = next(FORMAT.read(record, self._key))
        if isinstance(outcome, Skip) and outcome.reason.startswith("not a post"):
            return Event(at, number, None)
        return Event(
            at if at is not None and is_plausible(at) else None,
            number,
            outcome,
            commit.get("operation") == "update",
        )


def _time_of(frame: bytes) -> int | None:
    """Time of an event that is not worth parsing."""
    found = _TIME.search(frame)
    if found is None:
        return None
    at = int(found[1]) if found[1] else iso_time(found[2].decode("ascii", "replace"))
    return at if at is not None and is_plausible(at) else None


def _seq_of(frame: bytes) -> int | None:
    found = _SEQ.search(frame)
    return None if found is None else int(found[1])
