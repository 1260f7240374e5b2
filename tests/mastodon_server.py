"""A Mastodon server on loopback: timelines, search, streams, edits, deletions, and faults."""

from __future__ import annotations

import datetime as dt
import json
import queue
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from loopback_server import LoopbackServer

TOKEN = "planted-mastodon-token"


@dataclass
class Answer:
    """What to answer instead: a status, or ``how`` to break off."""

    status: int = 200
    headers: dict = field(default_factory=dict)
    body: bytes | None = None
    how: str = ""  # torn, short, drip

    @property
    def is_as_usual(self):
        """Whether to say what would have been said, with these headers."""
        return self.status == 200 and self.body is None and self.how != "torn"


class MastodonServer(LoopbackServer):
    """Use it as a context; ids grow with the time of a post, as those of Mastodon do."""

    def __init__(self, *, token="", size=40, delay=0.0, access=None, host="example.org"):
        self.statuses = {}
        self.size = size
        self.delay = delay
        self.host = host
        self.token = token
        self.access = access
        self.requests = []
        self.tokens = set()
        self.answers = []  # for questions of statuses, one a request
        self._streams = []
        self._lock = threading.Lock()

    def get(self, request):
        self.reply(request)

    def stop(self):
        self.end_streams()

    def add(self, at, text, *, tag="whatsapp", number=None, uri=None, **more):
        """A status of a time (microseconds); returns its id."""
        status_id = str(((at // 1000) << 16) + (len(self.statuses) if number is None else number))
        uri = uri or f"https://{self.host}/users/u/statuses/{status_id}"
        content = (
            f'<p>{text} <a href="https://{self.host}/tags/{tag}" class="mention hashtag" '
            f'rel="tag">#<span>{tag}</span></a></p>'
        )
        self.statuses[status_id] = {
            "id": status_id,
            "uri": uri,
            "url": uri,
            "created_at": iso(at),
            "edited_at": None,
            "content": content,
            "spoiler_text": "",
            "language": "en",
            "visibility": "public",
            "reblog": None,
            "in_reply_to_id": None,
            "account": {"id": "1", "acct": "u", "url": f"https://{self.host}/@u{at % 5}"},
            "tags": [{"name": tag}],
            **more,
        }
        self._send("update", self.statuses[status_id])
        return status_id

    def edit(self, status_id, text, at):
        self.statuses[status_id] |= {"content": f"<p>{text}</p>", "edited_at": iso(at)}
        self._send("status.update", self.statuses[status_id])

    def delete(self, status_id):
        del self.statuses[status_id]
        self._send("delete", status_id)

    def send_raw(self, text):
        for stream in self._streams:
            stream.put(text)

    def end_streams(self):
        self.send_raw(None)

    def wait_for_stream(self, number=1):
        until = time.monotonic() + 10
        while len(self._streams) < number and time.monotonic() < until:
            time.sleep(0.01)

    def _send(self, event, payload):
        text = payload if isinstance(payload, str) else json.dumps(payload)
        self.send_raw(f"event: {event}\ndata: {text}\n\n")

    def reply(self, request):
        with self._lock:
            self.requests.append(request.path)
            self.tokens.add(request.headers.get("Authorization"))
        time.sleep(self.delay)
        path = urlsplit(request.path).path.rstrip("/")
        if path.startswith("/api/v1/streaming/"):
            self._stream(request)
            return
        answer = self._answer(request, path)
        send(request, answer)

    def _answer(self, request, path):
        authorized = request.headers.get("Authorization") == f"Bearer {self.token}"
        if request.headers.get("Authorization") and not authorized:
            return made(401, {"error": "The access token is invalid"})
        if path == "/api/v2/instance":
            access = {} if self.access is None else {"timelines_access": self.access}
            return made(200, {"version": "4.5.0", "configuration": access})
        if path == "/api/v1/instance":
            return made(200, {"uri": "example.org", "urls": {}, "version": "4.5.0"})
        query = parse_qs(urlsplit(request.path).query)
        if self.answers:
            answer = self.answers.pop(0)
            if not answer.is_as_usual:
                return answer
            return made(200, self._found(path, query, authorized), answer)
        found = self._found(path, query, authorized)
        return made(404 if found is None else 200, found)

    def _found(self, path, query, authorized):
        if path.startswith("/api/v1/statuses/"):
            return self.statuses.get(path.rpartition("/")[2])
        ids = sorted(self.statuses, key=int)
        if path.startswith("/api/v1/timelines/tag/"):
            tags = {path.rpartition("/")[2], *query.get("any[]", [])}
            ids = [i for i in ids if tags & {t["name"] for t in self.statuses[i]["tags"]}]
        elif path == "/api/v2/search":
            word = query["q"][0].lower()
            ids = [i for i in ids if authorized and word in self.statuses[i]["content"].lower()]
        low, high = query.get("min_id", ["0"])[0], query.get("max_id", [str(10**30)])[0]
        ids = [i for i in ids if int(low) < int(i) < int(high)]
        is_forward = "min_id" in query and path != "/api/v2/search"
        some = ids[: self.size] if is_forward else ids[-self.size :]
        found = [self.statuses[i] for i in reversed(some)]
        return {"statuses": found} if path == "/api/v2/search" else found

    def _stream(self, request):
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            request.send_response(401)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        events = queue.Queue()
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(b":)\n")
        self._streams.append(events)
        request.close_connection = True
        while (text := events.get()) is not None:
            request.wfile.write(text if isinstance(text, bytes) else text.encode())
        self._streams.remove(events)


def send(request, answer):
    """Send an answer, or what is left of it."""
    if answer.how == "torn":
        request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.connection.close()
        request.close_connection = True
        return
    body = answer.body or b""
    request.send_response(answer.status)
    length = len(body) + (100 if answer.how == "short" else 0)
    for name, value in {"Content-Length": str(length), **answer.headers}.items():
        request.send_header(name, value)
    request.end_headers()
    if answer.how == "drip":
        for byte in body:
            request.wfile.write(bytes([byte]))
            request.wfile.flush()
            time.sleep(0.05)
    else:
        request.wfile.write(body)
    request.close_connection = answer.how == "short"


def made(status, value, answer=None):
    answer = answer or Answer()
    answer.status, answer.body = status, json.dumps(value).encode()
    return answer


def iso(at):
    text = dt.datetime.fromtimestamp(at / 1e6, dt.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
