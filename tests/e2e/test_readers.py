"""Readers that are slow, gone or many: they harm nobody, lose nothing and leave nothing behind."""

from __future__ import annotations

import json
import socket
import threading
import time
from urllib.parse import urlsplit

import psutil
import pytest

from tests.support.client import Client, text_of
from tests.support.patience import setting, until
from tests.support.servers import Text, Until

PIECE = "x" * 60_000


@pytest.fixture(scope="module")
def impatient(backend, worker):
    """A web process that cuts off a reader after half a second."""
    process, url = backend.web(AOMI_SEND_TIMEOUT=setting(0.5))
    yield process, url
    process.stop()


def connection_that_never_reads(url, client, text):
    address = urlsplit(url)
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect((address.hostname, address.port))
    body = json.dumps({"text": text}).encode()
    head = f"POST /api/chat?app=scripted HTTP/1.1\r\nHost: x\r\nX-Session-Id: {client.session_id}\r\n"
    head += f"X-API-Key: {client.headers['X-API-Key']}\r\nContent-Type: application/json\r\n"
    reader.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return reader


def test_a_reader_that_takes_nothing_is_cut_off_and_may_resume_the_whole(client, impatient, provider, figure):
    process, url = impatient
    text = provider.script("much", [Text([PIECE] * 150)])
    reader = connection_that_never_reads(url, client, text)
    other = Client(url)
    assert other.ask("count to 5")[-1] == {"type": "complete"}
    until(lambda: provider.requests(text) and provider.requests(text)[0].finished.is_set())
    full = time.monotonic()
    until(lambda: not _open_to(process, reader), what="the slow reader to be cut off")
    figure(time.monotonic() - full)
    reader.close()
    with client.resume() as again:
        assert len(text_of(list(again.events()))) == 150 * len(PIECE)
    assert "Traceback" not in process.log()


def test_clients_that_leave_leave_nothing_behind(client, impatient, redis, provider, figure):
    process, url = impatient
    left = threading.Event()
    text = provider.script("left alone", [Until(left), Text(["done"])])
    streams = [Client(url, client.headers["X-API-Key"]) for _ in range(20)]
    opened = [one.chat(text, app="scripted") for one in streams] + [one.updates() for one in streams]
    for one in opened:
        one.__enter__()
    mine = [one.session_id.encode() for one in streams]
    until(lambda: _channels_of(redis, mine) == 40, 20)
    for one in opened:
        one.__exit__(None, None, None)
    began = time.monotonic()
    until(lambda: _channels_of(redis, mine) == 0, 30, "the subscriptions to go")
    until(lambda: _clients(process, url) == 0, 30, "the connections to go")
    figure(time.monotonic() - began)
    left.set()
    until(lambda: _last_words(streams[0]).endswith("done"), what="the turn to complete without a reader")


def _last_words(client) -> str:
    return client.state()["messages"][-1]["content"]


def _channels_of(redis, session_ids) -> int:
    return sum(any(one in channel for one in session_ids) for channel in redis.pubsub_channels())


def _clients(process, url) -> int:
    """Connections from clients: those to Redis are kept for later, as many as were ever needed at once."""
    port = urlsplit(url).port
    family = [psutil.Process(process.pid), *process.children()]
    return sum(c.laddr.port == port and bool(c.raddr) for one in family for c in one.net_connections())


def _open_to(process, reader) -> bool:
    port = reader.getsockname()[1]
    children = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    return any(c.raddr and c.raddr.port == port for child in children for c in child.net_connections())
