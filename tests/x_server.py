"""X on loopback: search, counts, rules, the stream, prices, and the faults of the real one.

Where X's own description of its API is at hand, every request and every reply is held
against it. ``bill`` is what X would charge: for each post that left, in whole or in
part, and for each request for counts.
"""

from __future__ import annotations

import bisect
import datetime as dt
import json
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from loopback_server import LoopbackServer

SECOND = 1_000_000
EPOCH = 1_288_834_974_657  # of X's ids, in milliseconds
POST, COUNTS, COUNTS_ALL = 5_000, 5_000, 10_000

SEARCH, ALL = "/2/tweets/search/recent", "/2/tweets/search/all"
RECENT_COUNTS, ALL_COUNTS = "/2/tweets/counts/recent", "/2/tweets/counts/all"
STREAM, RULES = "/2/tweets/search/stream", "/2/tweets/search/stream/rules"


def id_at(at, number=0):
    return str(((at // 1000 - EPOCH) << 22) | number)


def a_post(at, text, number=0, **more):
    """A post as X writes it; ``at`` in micros UTC."""
    own_id = id_at(at, number)
    return {
        "id": own_id,
        "text": text,
        "created_at": iso(at),
        "author_id": str(1_000 + number),
        "lang": "en",
        "edit_history_tweet_ids": [own_id],
        **more,
    }


def iso(at):
    return dt.datetime.fromtimestamp(at / 1e6, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def micros(text):
    return round(dt.datetime.fromisoformat(text).timestamp() * 1e6)


@dataclass
class Fault:
    """What one request gets instead, or how its reply is spoilt.

    ``spoil``: "torn" (half of the body, then the end), "half-open" (nothing, and no
    end), "drip" (a byte at a time), "cut" (half of the body, as if that were all).
    """

    status: int = 200
    headers: dict = field(default_factory=dict)
    body: object = None
    spoil: str = ""
    path: str = ""


def problem(status, title, kind="about:blank", **more):
    base = {"title": title, "detail": title, "type": kind, "status": status}
    return {**base, **more}


class XServer(LoopbackServer):
    """Serves posts; use it as a context."""

    def __init__(self, posts=(), *, token="secret-of-the-test", spec=None, size=None, delay=0.0):
        self.token = token
        self.size = size  # fewer posts a page than asked for
        self.delay = delay
        self.faults = []  # one a request, in order; those with a path wait for it
        self.requests = []  # (path, query)
        self.violations = []
        self.rules = {}
        self.live = []  # lines for the stream, each sent once to each connection
        self.end_stream = None  # after the lines: "close", "torn", or a dict to send
        self.bill = 0
        self.names = "tweet"
        self._check = None if spec is None else Description(spec)
        self._lock = threading.Lock()
        self.set_posts(posts)

    def set_posts(self, posts):
        self.posts = sorted(posts, key=lambda post: int(post["id"]))
        self._times = [micros(post["created_at"]) for post in self.posts]

    def __enter__(self):
        self._stopping = threading.Event()
        return super().__enter__()

    def get(self, request):
        self.answer(request, None)

    def post(self, request, body):
        self.answer(request, json.loads(body))

    def stop(self):
        self._stopping.set()

    def n_asked(self, path):
        return sum(asked == path for asked, _ in self.requests)

    def answer(self, request, body):
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self._lock:
            self.requests.append((parts.path, query))
            if self._check is not None:
                self.violations += self._check.request(parts.path, request.command, query, body)
            fault = self._fault(parts.path)
        time.sleep(self.delay)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            fault = Fault(401, {}, problem(401, "Unauthorized"))
        if fault.status != 200:
            kind = "application/problem+json" if isinstance(fault.body, dict) else "text/html"
            self._send(request, fault.status, _bytes(fault.body), {**fault.headers}, kind)
            return
        if parts.path == STREAM:
            self._stream(request)
            return
        with self._lock:
            reply = self._reply(parts.path, query, body)
            if self._check is not None and reply is not None and self.names == "tweet":
                self.violations += self._check.reply(parts.path, request.command, reply)
        if reply is None:
            self._send(request, 404, _bytes(problem(404, "Not Found Error")), {})
            return
        data = _bytes(reply if fault.body is None else fault.body)
        self._send(request, 200, data, fault.headers, spoil=fault.spoil)

    def _fault(self, path):
        for number, fault in enumerate(self.faults):
            if fault.path in {"", path}:
                return self.faults.pop(number)
        return Fault()

    def _send(self, request, status, data, headers, kind="application/json", spoil=""):
        if spoil == "cut":
            data = data[: len(data) // 2]
        request.send_response(status)
        own = {"Content-Type": kind, "Content-Length": str(len(data)), "x-rate-limit-limit": "450"}
        for name, value in {**own, **headers}.items():
            request.send_header(name, value)
        if spoil == "half-open":
            self._stopping.wait(30)
            return
        request.end_headers()
        if spoil == "torn":
            request.wfile.write(data[: len(data) // 2])
            request.wfile.flush()
            request.connection.shutdown(socket.SHUT_RDWR)
            request.close_connection = True
        elif spoil == "drip":
            for byte in data:
                if self._stopping.wait(0.05):
                    return
                request.wfile.write(bytes([byte]))
                request.wfile.flush()
        else:
            request.wfile.write(data)

    def _reply(self, path, query, body):
        if path in {SEARCH, ALL}:
            return self._search(query)
        if path in {RECENT_COUNTS, ALL_COUNTS}:
            self.bill += COUNTS if path == RECENT_COUNTS else COUNTS_ALL
            return self._counts(query)
        if path == RULES:
            return self._rules(body)
        return None

    def _found(self, query):
        matches = compiled(query["query"])
        first = bisect.bisect_left(self._times, micros(query["start_time"]))
        last = bisect.bisect_left(self._times, micros(query["end_time"]))
        return [post for post in self.posts[first:last] if matches(post)]

    def _search(self, query):
        found = self._found(query)[::-1]
        begin = int(query.get("next_token", "t0")[1:])
        size = min(int(query.get("max_results", 10)), self.size or 500)
        page = found[begin : begin + size]
        self.bill += POST * len(page)
        meta = {"result_count": len(page)}
        if page:
            meta |= {"newest_id": page[0]["id"], "oldest_id": page[-1]["id"]}
        if begin + size < len(found):
            meta["next_token"] = f"t{begin + size}"
        return {**({"data": [self._spelt(post) for post in page]} if page else {}), "meta": meta}

    def _spelt(self, post):
        if self.names == "tweet":
            return post
        new = {"edit_history_tweet_ids": "edit_history_post_ids", "note_tweet": "note_post"}
        return {new.get(name, name): value for name, value in post.items()}

    def _counts(self, query):
        start, end = micros(query["start_time"]), micros(query["end_time"])
        times = [micros(post["created_at"]) for post in self._found(query)]
        minutes = range(start, end, 60 * SECOND)
        data = [
            {
                "start": iso(at),
                "end": iso(min(end, at + 60 * SECOND)),
                f"{self.names}_count": bisect.bisect_left(times, at + 60 * SECOND)
                - bisect.bisect_left(times, at),
            }
            for at in minutes
        ]
        begin = int(query.get("next_token", "c0")[1:])
        page = data[begin : begin + 1_440]
        meta = {f"total_{self.names}_count": sum(one[f"{self.names}_count"] for one in page)}
        if begin + 1_440 < len(data):
            meta["next_token"] = f"c{begin + 1_440}"
        return {"data": page, "meta": meta}

    def _rules(self, body):
        meta = {"sent": iso(time.time_ns() // 1000)}
        if body is None:
            data = [{"id": key, **rule} for key, rule in self.rules.items()]
            return {**({"data": data} if data else {}), "meta": {**meta, "result_count": len(data)}}
        if "delete" in body:
            ids = body["delete"]["ids"]
            gone = [self.rules.pop(key) for key in ids if key in self.rules]
            summary = {"deleted": len(gone), "not_deleted": len(ids) - len(gone)}
            return {"meta": {**meta, "summary": summary}}
        data = []
        for rule in body["add"]:
            key = str(7_000 + len(self.requests) * 100 + len(data))
            self.rules[key] = rule
            data.append({"id": key, **rule})
        n = len(data)
        summary = {"created": n, "not_created": 0, "valid": n, "invalid": 0}
        return {"data": data, "meta": {**meta, "summary": summary}}

    def _stream(self, request):
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()

        def chunk(data):
            request.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            request.wfile.flush()

        while not self._stopping.is_set():
            with self._lock:
                line = self.live.pop(0) if self.live else None
                ending = None if self.live or line is not None else self.end_stream
            if line is not None:
                if isinstance(line, dict):
                    line = {"data": line, "matching_rules": [{"id": "1", "tag": "miner"}]}
                    self.bill += POST
                    if self._check is not None:
                        self.violations += self._check.reply(STREAM, "GET", line)
                chunk(_bytes(line) + b"\r\n")
            elif ending is not None:
                self.end_stream = None
                if isinstance(ending, dict):
                    chunk(_bytes(ending) + b"\r\n")
                if ending == "torn":
                    request.connection.shutdown(socket.SHUT_RDWR)
                else:
                    chunk(b"")
                request.close_connection = True
                return
            else:
                self._stopping.wait(0.05)
                chunk(b"\r\n")


def _bytes(value):
    if value is None:
        return b""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


_COMPILED = {}


def compiled(query):
    """Whether a post matches a query: words, "phrases", groups, OR, -is:retweet."""
    if query not in _COMPILED:
        tokens = re.findall(r'"[^"]*"|\(|\)|[^\s()]+', query)
        _COMPILED[query] = _either(tokens)
    parsed = _COMPILED[query]
    return lambda post: parsed(f" {_words(post['text'])} ", post)


def _words(text):
    return re.sub(r"[^#@\w]+", " ", text.lower()).strip()


def _either(tokens):
    ways = [[]]
    while tokens and tokens[0] != ")":
        token = tokens.pop(0)
        if token == "OR":
            ways.append([])
        elif token == "(":
            ways[-1].append(_either(tokens))
            tokens.pop(0)
        else:
            ways[-1].append(_term(token))
    return lambda text, post: any(all(one(text, post) for one in way) for way in ways)


def _term(token):
    if token == "-is:retweet":
        return lambda text, post: not post.get("referenced_tweets")
    words = _words(token.strip('"'))
    return lambda text, post: f" {words} " in text


class Description:
    """X's description of its API (OpenAPI 3.0), and what breaks it."""

    def __init__(self, path):
        from jsonschema import Draft202012Validator

        self._all = json.loads(path.read_text("utf-8"))
        self._make = Draft202012Validator
        self._validators = {}

    def request(self, path, method, query, body):
        operation = self._all["paths"].get(path, {}).get(method.lower())
        if operation is None:
            return [f"no {method} {path}"]
        wrong = []
        known = {one["name"]: one for one in map(self._whole, operation.get("parameters", []))}
        wrong += [f"{path}: unknown parameter {name}" for name in set(query) - set(known)]
        for name, one in known.items():
            if name in query:
                wrong += self._errors(one["schema"], _typed(query[name], one["schema"]), name)
            elif one.get("required"):
                wrong.append(f"{path}: {name} is missing")
        if body is not None:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            wrong += self._errors(schema, body, f"{path} body")
        return wrong

    def reply(self, path, method, body):
        operation = self._all["paths"][path][method.lower()]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        return self._errors(schema, body, f"{path} reply")

    def _whole(self, one):
        reference = one.get("$ref")
        return self._all["components"]["parameters"][reference.split("/")[-1]] if reference else one

    def _errors(self, schema, value, what):
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {**schema, "components": self._all["components"]}
            self._validators[key] = self._make(whole)
        return [f"{what}: {error.message}" for error in self._validators[key].iter_errors(value)]


def _typed(text, schema):
    if schema.get("type") == "integer":
        return int(text)
    return text.split(",") if schema.get("type") == "array" else text
