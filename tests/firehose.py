"""A bridge from the firehose of a real PDS to the Jetstream on loopback."""

import io
import threading
import time

import cbor2
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


def follow(address, events):
    """Append events of the v1 wire to a list, in a thread, as the firehose gives them."""

    def read():
        with connect(address, max_size=1 << 23) as firehose:
            try:
                for frame in firehose:
                    events.extend(events_of(frame))
            except ConnectionClosed:
                return

    threading.Thread(target=read, daemon=True).start()


def events_of(frame):
    """Events of a frame: two CBOR values, what it is and what it says."""
    decoder = cbor2.CBORDecoder(io.BytesIO(frame))
    head, body = decoder.decode(), decoder.decode()
    at = time.time_ns() // 1000
    if head.get("t") in {"#identity", "#account"}:
        kind = head["t"][1:]
        told = {name: value for name, value in body.items() if value is not None}
        yield {"did": body["did"], "time_us": at, "kind": kind, kind: told}
    if head.get("t") != "#commit":
        return
    blocks = dict(blocks_of(body["blocks"]))
    for change in body["ops"]:
        collection, _, rkey = change["path"].partition("/")
        commit = {
            "rev": body["rev"],
            "operation": change["action"],
            "collection": collection,
            "rkey": rkey,
        }
        if change["action"] != "delete":
            # A link of DAG-CBOR is tag 42: a zero byte, then the address of the block.
            commit["record"] = blocks[change["cid"].value[1:]]
        yield {"did": body["repo"], "time_us": at, "kind": "commit", "commit": commit}


def blocks_of(car):
    """Addresses and values of the blocks of a CAR file."""
    stream = io.BytesIO(car)
    stream.read(varint(stream))
    while (length := varint(stream)) is not None:
        block = io.BytesIO(stream.read(length))
        address = block.read(36)  # version, codec, hash, length, and 32 bytes
        yield address, cbor2.loads(block.read())


def varint(stream):
    value = shift = 0
    while byte := stream.read(1):
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
        shift += 7
    return None
