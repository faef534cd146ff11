"""Open files: each connection needs one. The limit is raised at start; at the limit streams are refused, and all else
is served."""

from __future__ import annotations

import contextlib
import re
import shlex
import socket
import sys
import uuid
from urllib.parse import urlsplit

import httpx
import pytest

from app.file_limit import budget
from tests.support.backend import Process, free_port
from tests.support.client import Client
from tests.support.patience import patient, until
from tests.support.servers import Silence, Text

pytestmark = pytest.mark.exhaustive

HARD = 256
REFUSED = 300
"""More refused clients than the process may have files: each keeps its connection open."""


def limited(backend, tmp_path, limit, command, **environment):
    """A process that starts under `ulimit`."""
    words = " ".join(shlex.quote(word) for word in [sys.executable, "-m", *command])
    line = f"ulimit {limit}; exec {words}"
    return Process(["sh", "-c", line], backend.environment | environment, tmp_path / "limited.log")


@pytest.fixture
def web(backend, worker, tmp_path, request):
    """A web process under the limit that the test names; its address and its log."""
    port = free_port()
    command = ["gunicorn", "-c", "python:app.serving", "app:create_app()"]
    process = limited(backend, tmp_path, request.param, command, PORT=str(port))
    url = f"http://127.0.0.1:{port}"
    until(lambda: "open files" in process.log() or not process.alive, 60, "web process")
    until(lambda: not _refused(port))
    yield url, process
    process.stop()


def _refused(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port))


def ask_for_updates(url):
    """A connection that has asked for a stream of updates, and the status of the response."""
    address = urlsplit(url)
    connection = socket.create_connection((address.hostname, address.port), timeout=patient(20))
    head = f"GET /api/updates HTTP/1.1\r\nHost: x\r\nX-Session-Id: {uuid.uuid4()}\r\n\r\n"
    connection.sendall(head.encode())
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(4096) or b"closed\r\n\r\n"
    return connection, received


@pytest.mark.parametrize("web", [f"-n {HARD}"], indirect=True)
def test_at_the_file_limit_streams_get_503_and_all_else_is_served(web, provider):
    """Measured: as many streams as the log says are open, several hundred more are refused, then each kind of short
    request."""
    url, process = web
    most = budget(HARD, 200).streams
    endless = provider.script("endless", [Text(["on it"]), Silence()])
    assert f"at most {HARD} open files ({HARD} at start): {most} streams" in process.log()
    with contextlib.ExitStack() as connections:
        client = Client(url)
        running = connections.enter_context(client.chat(endless, model="scripted"))
        running.next("text")
        answers = []
        for _ in range(most - 1 + REFUSED):
            connection, answer = ask_for_updates(url)
            connections.callback(connection.close)
            answers.append(answer)
        assert [answer[9:12] for answer in answers] == [b"200"] * (most - 1) + [b"503"] * REFUSED
        assert httpx.get(f"{url}/healthz", timeout=patient(5)).status_code == 200
        refused = Client(url).post("/api/chat", json={"text": "x"})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert "open streams" in refused.json()["error"]
        assert client.interrupt() is True
        assert list(running.events())[-1].get("interrupted") is True
    until(lambda: _streams(url), what="streams again, after the others have ended")


def _streams(url):
    connection, answer = ask_for_updates(url)
    connection.close()
    return answer[9:12] == b"200"


@pytest.mark.parametrize("web", ["-S -n 128"], indirect=True)
def test_a_web_raises_its_limit(web):
    """Its soft limit is raised to the hard one, and the log tells."""
    _, process = web
    files, streams = re.search(r"at most (\d+) open files \(128 at start\): (\d+) streams", process.log()).groups()
    assert int(files) > 128
    assert int(streams) == budget(int(files), 200).streams


def test_a_worker_raises_its_limit(backend, tmp_path):
    process = limited(backend, tmp_path, "-S -n 128", ["workers"])
    try:
        until(lambda: "open files" in process.log() or not process.alive, 60, "the worker's line")
        assert int(re.search(r"at most (\d+) open files \(128 at start\)", process.log())[1]) > 128
    finally:
        process.stop()
