"""Security headers, on every kind of answer."""

from __future__ import annotations

import re
import socket

import pytest

from app.web.security_headers import DEFAULT_HEADERS
from tests.support.client import fetch

OWN = {
    "/": {"Content-Security-Policy", "Cache-Control"},
    "/docs": {"Content-Security-Policy", "Cache-Control"},
}
"""What pages say of themselves instead."""


def said(headers, names):
    return {name: headers.get(name) for name in names}


@pytest.mark.parametrize("path", ["/healthz", "/api/session/models", "/openapi.json", "/nowhere", "/", "/docs"])
def test_every_answer_has_the_headers(webs, path):
    names = set(DEFAULT_HEADERS) - OWN.get(path, set())
    answer = fetch(f"{webs[0]}{path}")
    assert said(answer.headers, names) == {name: DEFAULT_HEADERS[name] for name in names}
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in answer.headers
    assert not re.search(r"\d", answer.headers["Server"])


def test_a_conversation_is_stored_by_no_cache(client):
    client.post("/api/sessions")
    assert client.get("/api/state", params={"session_id": client.session_id}).headers["Cache-Control"] == "no-store"


def test_a_stream_has_them_and_its_own_caching(client):
    with client.chat("hello") as stream:
        assert list(stream.events())[-1] == {"type": "complete"}
    names = set(DEFAULT_HEADERS) - {"Cache-Control"}
    assert said(stream.headers, names) == {name: DEFAULT_HEADERS[name] for name in names}
    assert stream.headers["Cache-Control"] == "no-cache, no-transform"


def test_a_stream_says_how_long_it_may_be_silent(client, backend):
    with client.updates() as stream:
        assert stream.headers["X-Keep-Alive"] == backend.environment["AOMI_KEEP_ALIVE"]


def test_what_is_no_request_gets_them_too(webs):
    host, port = webs[0].removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        head = connection.makefile("rb").read().decode().partition("\r\n\r\n")[0]
    sent = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    assert said(sent, DEFAULT_HEADERS) == DEFAULT_HEADERS
