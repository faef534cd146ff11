"""Whether a peer answers at all, before anything is measured."""

from __future__ import annotations

import socket

from benchmarks.load import LAST_CHUNK
from benchmarks.systems import Served
from benchmarks.tokens import MARK

SECONDS = 60.0


def answers(system: Served, model: str) -> None:
    """Ask once and read to the end. Raises `RuntimeError` when no token came, `OSError` when the connection failed."""
    request = system.request(system.ports[0], model)
    received = b""
    with socket.create_connection((request.host, request.port), SECONDS) as connection:
        connection.sendall(request.data)
        while not received.endswith(LAST_CHUNK) and (data := connection.recv(65536)):
            received += data
            if received[9:12].isdigit() and received[9:12] != b"200":
                break
    if MARK not in received:
        raise RuntimeError(f"it answers without a token: {received[:200].decode(errors='replace').splitlines()[:1]}")
