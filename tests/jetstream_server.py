"""A Jetstream on loopback: both wires, their cursor rules, and the faults of the real one.

Events are those of a recording, or made by ``made_events``; each is the JSON object of
the v1 wire. What is checked against it is the client, over real sockets.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import http
import json
import threading
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import zstandard
from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response

V2 = "/xrpc/network.bsky.jetstream.subscribeEvents"
DICTIONARY = "/xrpc/network.bsky.jetstream.getZstdDictionary"
T0 = 1_779_719_009_000_000


def made_events(n, *, step=100_000, start=T0, about="whatsapp", every=2):
    """Posts, one in ``every`` of them a complaint, ``step`` microseconds apart."""
    for number in range(n):
        at = start + number * step
        text = f"{about} is down again {number}" if number % every == 0 else f"lunch {number}"
        yield post_event(at, number, text)


def post_event(at, number, text, operation="create", did=None):
    commit = {
        "rev": f"r{number}",
        "operation": operation,
        "collection": "app.bsky.feed.post",
        "rkey": f"k{number}",
    }
    if operation != "delete":
        commit["record"] = {
            "$type": "app.bsky.feed.post",
            "text": text,
            "createdAt": iso(at),
            "langs": ["en"],
        }
    return {
        "did": did or f"did:plc:author{number}",
        "time_us": at,
        "kind": "commit",
        "commit": commit,
    }


def iso(at):
    time = dt.datetime.fromtimestamp(at / 1e6, dt.UTC)
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass
class Faults:
    """What goes wrong, each once for every entry, connection by connection."""

    refuse: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    #: After this many events: close with a code, tear the connection ("torn"), or stay
    #: connected and say nothing more ("mute").
    end: list[tuple[int, int | str]] = field(default_factory=list)
    #: What is said when closing.
    reason: str = "as the test wants"
    #: Events before this place are no longer kept.
    floor: int = 0
    #: Accept and say nothing.
    is_silent: bool = False
    #: Bytes to send instead of the event at a place.
    instead: dict[int, bytes | str] = field(default_factory=dict)


class JetstreamServer:
    """Serves events in a thread of its own; use it as a context."""

    def __init__(self, events=(), *, v1_dictionary=None, v2_dictionary=None, delay=0.0):
        self.events = list(events)
        self.faults = Faults()
        self.requests: list[str] = []
        self.n_sent = 0
        self.delay = delay
        self._v1 = zstandard.ZstdCompressionDict(v1_dictionary) if v1_dictionary else None
        self._v2_bytes = v2_dictionary or b""
        self._v2 = zstandard.ZstdCompressionDict(v2_dictionary) if v2_dictionary else None
        self._ready = threading.Event()

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}"

    def __enter__(self):
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self):
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with serve(
            self._send, "127.0.0.1", 0, process_request=self._accept, compression=None
        ) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()
            await self._stop.wait()

    def _accept(self, ws, request):
        self.requests.append(request.path)
        parts = urlsplit(request.path)
        query = parse_qs(parts.query)
        if parts.path == DICTIONARY:
            return _reply(200 if self._v2_bytes else 404, {}, self._v2_bytes)
        if self.faults.refuse:
            return _reply(*self.faults.refuse.pop(0))
        ws.is_v2 = parts.path == V2
        cursor = int(query["cursor"][0]) if "cursor" in query else None
        ws.clamped, ws.at = False, len(self.events)
        if cursor is not None and cursor < 10**15:
            if cursor < self.faults.floor + 1:
                return _reply(400, {}, b'{"error":"CursorTooOld","message":"cursor too old"}')
            ws.at = cursor - 1
        elif cursor is not None:
            found = (n for n, e in enumerate(self.events) if e["time_us"] >= cursor)
            ws.at = next(found, len(self.events))
            ws.clamped = ws.at < self.faults.floor
        else:
            ws.at = 0  # the recording is "live" to who comes without a cursor
        ws.at = max(ws.at, self.faults.floor)
        ws.zstd = None
        if ws.is_v2 and "zstdDictionary" in query:
            ws.zstd = zstandard.ZstdCompressor(dict_data=self._v2)
        elif not ws.is_v2 and query.get("compress") == ["true"]:
            ws.zstd = zstandard.ZstdCompressor(dict_data=self._v1)
        return None

    async def _send(self, ws):
        end = self.faults.end.pop(0) if self.faults.end else None
        if ws.is_v2 and ws.clamped:
            info = {"$type": f"{V2[6:]}#info", "name": "OutdatedCursor", "message": "clamped"}
            await ws.send(json.dumps({"$type": "message", "payload": info}))
        sent = 0
        try:
            while not self.faults.is_silent and ws.close_code is None:
                if end is not None and sent >= end[0]:
                    if end[1] == "mute":
                        await ws.wait_closed()
                        return
                    if end[1] == "torn":
                        ws.transport.abort()
                        return
                    await ws.close(end[1], self.faults.reason)
                    return
                if ws.at >= len(self.events):
                    await asyncio.sleep(0.02)
                    continue
                await ws.send(self._frame(ws))
                ws.at += 1
                sent += 1
                self.n_sent += 1
                if self.delay:
                    await asyncio.sleep(self.delay)
            await ws.wait_closed()
        except ConnectionClosed:
            return

    def _frame(self, ws):
        if ws.at in self.faults.instead:
            return self.faults.instead[ws.at]
        event = self.events[ws.at]
        if ws.is_v2:
            event = _v2(event, ws.at + 1)
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        return text if ws.zstd is None else ws.zstd.compress(text.encode())


def _v2(event, seq):
    kind = event["kind"]
    payload = {"$type": f"{V2[6:]}#{kind}", "seq": seq, "did": event["did"]}
    payload["time"] = iso(event["time_us"])
    payload |= event["commit"] if kind == "commit" else {kind: event[kind]}
    return {"$type": "message", "payload": payload}


def _reply(status, headers, body):
    head = Headers({**headers, "Content-Length": str(len(body)), "Connection": "close"})
    return Response(status, http.HTTPStatus(status).phrase, head, body)
