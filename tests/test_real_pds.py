"""Posts written through the real server of Bluesky, and read back by the collector."""

import datetime as dt
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from miner.collector import Labeller, Options, collect
from miner.lexicon import load_lexicon
from miner.sources.bluesky import Bluesky
from miner.store import Store

from jetstream_server import JetstreamServer

PACKAGES = ("@atproto/pds@0.4.217", "@did-plc/server@0.0.1")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder with the packages; MINER_TEST_PDS names one that has them already."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    if "MINER_TEST_PDS" in os.environ:
        return Path(os.environ["MINER_TEST_PDS"])
    folder = tmp_path_factory.mktemp("pds")
    (folder / "package.json").write_text("{}")
    # Its database is compiled against the headers of this node, where there are some.
    headers = {"npm_config_nodedir": "/usr"} if Path("/usr/include/node").is_dir() else {}
    words = ["npm", "install", "--no-audit", "--no-fund", *PACKAGES]
    result = subprocess.run(
        words, check=False, capture_output=True, text=True, cwd=folder, env=os.environ | headers
    )
    if result.returncode:
        pytest.skip(f"the packages cannot be installed here: {result.stderr[-300:]}")
    return folder


@pytest.fixture
def pds(packages, tmp_path):
    """The address of a running server."""
    directory, port = free_port(), free_port()
    script = shutil.copy(Path(__file__).with_name("start_pds.cjs"), packages)
    words = ["node", script, str(tmp_path / "pds"), str(directory), str(port)]
    log = (tmp_path / "log").open("w+b")
    process = subprocess.Popen(words, stdout=log, stderr=log, cwd=packages)
    try:
        until = time.monotonic() + 120
        while b"ready\n" not in (tmp_path / "log").read_bytes():
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < until, (tmp_path / "log").read_text()
            time.sleep(0.2)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        log.close()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def call(pds, name, body, token=None):
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(
        f"http://{pds}/xrpc/com.atproto.{name}", json.dumps(body).encode(), headers
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read() or b"{}")


class User:
    """An account that writes posts."""

    def __init__(self, pds, name):
        account = {"handle": f"{name}.test", "email": f"{name}@t.test", "password": "pw-" + name}
        made = call(pds, "server.createAccount", account)
        self.pds, self.token = pds, made["accessJwt"]
        self.about = {"repo": made["did"], "collection": "app.bsky.feed.post"}

    def write(self, text):
        made = call(self.pds, "repo.createRecord", {**self.about, **record(text)}, self.token)
        return made["uri"].rpartition("/")[2]

    def edit(self, rkey, text):
        change = {**self.about, "rkey": rkey, **record(text)}
        call(self.pds, "repo.putRecord", change, self.token)

    def delete(self, rkey):
        call(self.pds, "repo.deleteRecord", {**self.about, "rkey": rkey}, self.token)


def record(text):
    # To the millisecond, as apps do: a post is counted where its own time was watched.
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    body = {"$type": "app.bsky.feed.post", "text": text, "createdAt": now, "langs": ["en"]}
    return {"record": body}


def test_what_is_written_through_the_real_server_is_read_back(pds, tmp_path):
    from firehose import follow

    path = tmp_path / "outages.db"
    with JetstreamServer() as server:
        follow(f"ws://{pds}/xrpc/com.atproto.sync.subscribeRepos?cursor=0", server.events)
        ann, bob = User(pds, "ann"), User(pds, "bob")
        until = time.monotonic() + 30
        while len(server.events) < 2 and time.monotonic() < until:
            time.sleep(0.1)  # what follows is watched
        keys = [ann.write(f"whatsapp is down {n}") for n in range(10)]
        bob.write("whatsapp ist kaputt, nachrichten gehen nicht raus 😡")
        bob.write("what a lovely lunch")
        ann.edit(keys[1], "what a lovely day")
        ann.edit(keys[2], "whatsapp is not working at all")
        ann.delete(keys[0])
        until = time.monotonic() + 30
        while n_commits(server) < 15 and time.monotonic() < until:
            time.sleep(0.1)
        options = Options(
            catch_up=True,
            urls={"bluesky": server.url},
            settings={"bluesky": {"idle": "2", "compress": "off"}},
        )
        labeller = Labeller(["whatsapp"], load_lexicon())
        (outcome,) = collect(path, [Bluesky()], labeller, options)
    posts = Store(path).posts()

    assert outcome.error is None
    assert outcome.skipped == 0
    assert sorted(posts["text"]) == sorted(
        [
            "whatsapp is not working at all",
            *(f"whatsapp is down {n}" for n in range(3, 10)),
            "whatsapp ist kaputt, nachrichten gehen nicht raus 😡",
        ]
    )
    assert posts["author"].nunique() == 2
    assert Store(path).series("whatsapp", "1D")["mentions"].sum() == 9


def n_commits(server):
    posts = (event.get("commit", {}).get("collection") for event in list(server.events))
    return sum(collection == "app.bsky.feed.post" for collection in posts)
