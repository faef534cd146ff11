"""Streams that are mostly silent: little is kept for each, and they end, fail and are cut off as others."""

from __future__ import annotations

import socket
import uuid
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.patience import patient


def test_its_connection_takes_no_further_request(webs):
    with httpx.stream("GET", f"{webs[0]}/api/updates", headers={"X-Session-Id": str(uuid.uuid4())}) as response:
        assert response.headers["connection"] == "close"
        assert next(response.iter_raw()).startswith(b"retry:")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_updates_come_in_either_version_of_http_and_head_gets_none(webs, client, version):
    address = urlsplit(webs[0])
    client.post("/api/sessions", json={})
    for method, wanted in (("HEAD", b""), ("GET", b'"type":"title_changed"')):
        with socket.create_connection((address.hostname, address.port), timeout=patient(20)) as connection:
            head = f"{method} /api/updates HTTP/{version}\r\nHost: x\r\nX-Session-Id: {client.session_id}\r\n\r\n"
            connection.sendall(head.encode())
            received = b""
            while b'"state"' not in received and not (method == "HEAD" and b"\r\n\r\n" in received):
                received += connection.recv(65536)
            if wanted:
                client.post("/api/control/title", json={"title": "another one"})
                while wanted not in received:
                    received += connection.recv(65536)
                assert (b"chunked" in received) == (version == "1.1")
