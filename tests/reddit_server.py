"""Reddit on loopback: tokens, listings of the newest things, lookups, and faults."""

from __future__ import annotations

import base64
import json
import threading
import time
from urllib.parse import parse_qs, urlsplit

from loopback_server import LoopbackServer
from mastodon_server import Answer, send

ID, SECRET = "planted-client-id", "planted-client-secret"


class RedditServer(LoopbackServer):
    """Use it as a context. Things are listed the newest first, at most ``cap`` of them."""

    def __init__(self, *, delay=0.0, cap=1_000, size=100):
        self.things = {}
        self.delay = delay
        self.cap = cap
        self.size = size
        self.requests = []
        self.answers = []  # for questions, one a request
        self.token_answers = []
        self.headers = {}
        self.token = "planted-reddit-token-0"
        self.n_tokens = 0
        self._lock = threading.Lock()

    def get(self, request):
        self.reply(request)

    def post(self, request, _):
        self.give_token(request)

    def submit(self, at, title, selftext="", *, subreddit="help", **more):
        """A submission of a time (seconds); returns its full name."""
        return self._add(
            "t3",
            at,
            title=title,
            selftext=selftext,
            is_self=True,
            subreddit=subreddit,
            removed_by_category=None,
            **more,
        )

    def comment(self, at, body, *, subreddit="help", **more):
        return self._add(
            "t1", at, body=body, subreddit=subreddit, link_id="t3_1", parent_id="t3_1", **more
        )

    def _add(self, kind, at, **more):
        bare = f"{len(self.things):06x}"
        name = f"{kind}_{bare}"
        data = {
            "id": bare,
            "name": name,
            "created_utc": float(at),
            "author": f"u{at % 5}",
            "edited": False,
            **more,
        }
        self.things[name] = {"kind": kind, "data": data}
        return name

    def change(self, name, **values):
        self.things[name]["data"] |= values

    def new_token(self):
        """What was given out before is no longer taken."""
        self.n_tokens += 1
        self.token = f"planted-reddit-token-{self.n_tokens}"

    def give_token(self, request):
        self.requests.append(request.path)
        pair = base64.b64encode(f"{ID}:{SECRET}".encode()).decode()
        if self.token_answers:
            send(request, self.token_answers.pop(0))
        elif request.headers.get("Authorization") != f"Basic {pair}":
            send(request, answer(401, {"message": "Unauthorized", "error": 401}))
        else:
            token = {"access_token": self.token, "expires_in": 86_400, "scope": "*"}
            send(request, answer(200, {**token, "token_type": "bearer"}))

    def reply(self, request):
        with self._lock:
            self.requests.append(request.path)
        time.sleep(self.delay)
        if request.headers.get("Authorization") != f"bearer {self.token}":
            send(request, answer(401, {"message": "Unauthorized", "error": 401}))
            return
        given = self.answers.pop(0) if self.answers else None
        if given is not None and not given.is_as_usual:
            send(request, given)
            return
        reply = answer(200, self._listing(request.path))
        reply.headers = {**self.headers, **(given.headers if given else {})}
        reply.how = given.how if given else ""
        send(request, reply)

    def _listing(self, path):
        path, _, query = path.partition("?")
        query = {name: values[0] for name, values in parse_qs(query).items()}
        if path.strip("/") == "api/info":
            found = [self.things[n] for n in query["id"].split(",") if n in self.things]
            return listing(found, None)
        things = self._matching(urlsplit(path).path.strip("/").split("/"), query)
        newest = sorted(things, key=lambda t: -t["data"]["created_utc"])[: self.cap]
        names = [thing["data"]["name"] for thing in newest]
        first = 0
        if "after" in query:
            if query["after"] not in names:
                return listing([], None)
            first = names.index(query["after"]) + 1
        some = newest[first : first + self.size]
        more = first + self.size < len(newest)
        return listing(some, some[-1]["data"]["name"] if more else None)

    def _matching(self, parts, query):
        def text(thing):
            return str(thing["data"].get("title", "")) + str(thing["data"].get("selftext", ""))

        if parts[-1] == "search":
            words = [w.strip('"() ').lower() for w in query["q"].split(" OR ")]
            found = [t for t in self.things.values() if t["kind"] == "t3"]
            return [t for t in found if any(word in text(t).lower() for word in words)]
        kind = "t1" if parts[-1] == "comments" else "t3"
        names = set(parts[1].split("+"))
        return [
            t for t in self.things.values() if t["kind"] == kind and t["data"]["subreddit"] in names
        ]


def listing(things, after):
    return {"kind": "Listing", "data": {"after": after, "children": things}}


def answer(status, value, **headers):
    headers = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, headers, json.dumps(value).encode())
