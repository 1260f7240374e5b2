"""A platform on loopback that lists the newest posts first, page by page."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class NewestFirstServer:
    """Use it as a context; ``posts`` are pairs of time (microseconds) and text."""

    def __init__(self, posts, *, size=5, delay=0.0):
        self.posts = sorted(posts, reverse=True)
        self.size = size
        self.delay = delay
        self.n_requests = 0
        self.answers = []  # (status, headers) to give instead, one a request

    def __enter__(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.reply(self)

            def log_message(self, *_):
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def reply(self, request):
        self.n_requests += 1
        time.sleep(self.delay)
        status, headers, body = 200, {}, b""
        if self.answers:
            status, headers = self.answers.pop(0)
        if status == 200:
            body = json.dumps(self._page(request.path)).encode()
        request.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def _page(self, path):
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        start, end = int(query["from"]), int(query["to"])
        found = [(at, text) for at, text in self.posts if start <= at < end]
        first = int(query.get("page", 0))
        last = first + self.size
        items = [
            {"id": str(at), "user": f"u{at % 7}", "text": text, "at": _iso(at)}
            for at, text in found[first:last]
        ]
        return {"items": items, "next": str(last) if last < len(found) else None}


def _iso(at):
    return dt.datetime.fromtimestamp(at / 1e6, dt.UTC).isoformat()
