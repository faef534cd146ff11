"""Clients that are silent, or send and read in drips: each is disconnected within three times AOMI_SEND_TIMEOUT."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tests.support.client import fetch
from tests.support.patience import patient, setting, until

TIMEOUT = float(setting(0.4))
HEAD = f"POST /api/sessions HTTP/1.1\r\nHost: x\r\nX-Session-Id: {uuid.uuid4()}\r\n".encode()
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def web(backend):
    """A web process with little patience, and its address."""
    process, url = backend.web(AOMI_SEND_TIMEOUT=str(TIMEOUT))
    yield process, url
    assert "Traceback" not in process.log()
    process.stop()


@pytest.fixture
def process(web):
    return web[0]


@pytest.fixture
def url(web) -> str:
    return web[1]


def connected(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port))


def dripped(connection: socket.socket, over: threading.Event) -> None:
    """Sends a letter now and then, as long as it is taken."""
    with contextlib.suppress(OSError):
        for _ in itertools.takewhile(lambda _: not over.wait(0.05), itertools.count()):
            connection.sendall(b"x")


def held(connection: socket.socket, *, drips: bool) -> tuple[float, bytes]:
    """How long the server holds the connection open, and what it says until then."""
    over, received, began = threading.Event(), b"", time.monotonic()
    dripping = threading.Thread(target=dripped, args=(connection, over))
    if drips:
        dripping.start()
    connection.settimeout(patient(20))
    try:
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                received += part
        return time.monotonic() - began, received
    finally:
        over.set()
        connection.close()
        if drips:
            dripping.join()


WAYS = {
    "silent": (b"", False),
    "half a line": (b"GET /", False),
    "a line in drips": (b"GET /", True),
    "half of the headers": (HEAD, False),
    "headers in drips": (HEAD + b"X-Long: ", True),
    "half a body": (HEAD + b"Content-Length: 1000\r\n\r\n", False),
    "a body in drips": (HEAD + b"Content-Length: 1000\r\n\r\n", True),
    "a body in drips that no view reads": (b"POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", True),
    "idle after a request": (WHOLE, False),
    "the next request in drips": (WHOLE + b"GET /", True),
}
"""What a client sends before it sends no more, or goes on in drips."""


def test_a_client_that_does_not_go_on_is_disconnected(url):
    def measured(way: str) -> tuple[float, bytes]:
        sent, drips = WAYS[way]
        connection = connected(url)
        connection.sendall(sent)
        return held(connection, drips=drips)

    with ThreadPoolExecutor(len(WAYS)) as pool:
        found = dict(zip(WAYS, pool.map(measured, WAYS), strict=True))
    most = 3 * TIMEOUT + patient(1)
    assert {way: seconds for way, (seconds, _) in found.items() if seconds > most} == {}
    assert found["idle after a request"][0] > 2 * TIMEOUT, "clients use a connection again"
    for way in ("half a body", "a body in drips"):
        assert found[way][1].startswith(b"HTTP/1.1 400"), way
        assert b"did not go on in time" in found[way][1], way


def test_a_reader_in_drips_of_a_long_response_is_disconnected(process, url):
    """A long document, again and again on one connection, of which a letter is read now and then."""
    address = urlsplit(url)
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect((address.hostname, address.port))
    reader.settimeout(0.05)
    with contextlib.closing(reader):
        with contextlib.suppress(OSError):
            reader.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 200)

        def is_cut_off() -> bool:
            with contextlib.suppress(OSError):
                reader.recv(1)
            return not is_open_to(process, reader)

        until(is_cut_off, what="the reader in drips to be disconnected")
    assert fetch(f"{url}/healthz").status_code == 200


def is_open_to(process: Any, client: socket.socket) -> bool:
    """Whether a process has a connection to the client."""
    port = client.getsockname()[1]
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    return any(found.raddr and found.raddr.port == port for one in family for found in one.net_connections())
