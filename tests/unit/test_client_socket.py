"""What a client's connection writes. (tests/e2e has its time limits for what a client sends.)"""

from __future__ import annotations

import gevent
import pytest
from gevent.socket import socket, socketpair

from app.web.streaming.client_socket import ClientSocket


@pytest.fixture
def pair():
    """A client's connection, and the client."""
    accepted, client = socketpair()
    connection = ClientSocket(accepted, 0.02)
    yield connection, client
    connection.close()
    client.close()


def read(client, count):
    found = b""
    while len(found) < count:
        found += client.recv(65_536)
    return found


@pytest.mark.parametrize("data", [b"", b"a", bytearray(b"ab" * 9), b"0123456789" * 500_000])
def test_all_is_written_in_its_order_however_slowly_it_is_read(pair, data):
    connection, client = pair
    reader = gevent.spawn(read, client, len(data))
    connection.sendall(data)
    assert reader.get(timeout=30) == bytes(data)


def test_a_small_write_asks_for_no_buffer(pair, monkeypatch):
    connection, client = pair
    monkeypatch.setattr(socket, "getsockopt", None)
    connection.sendall(b"hello")
    assert client.recv(10) == b"hello"


def test_nothing_is_written_to_one_that_has_gone(pair):
    connection, client = pair
    client.close()
    connection.sendall(b"")


def test_a_client_that_does_not_read_is_not_waited_for(pair):
    connection, _ = pair
    connection.await_body()
    with pytest.raises(TimeoutError):
        connection.sendall(b"x" * 10_000_000)
