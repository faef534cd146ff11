"""Bytes sent as they are, for requests that no HTTP library would make."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.support.patience import patient


@dataclass(frozen=True)
class Answer:
    """One answer; `headers` by lower-case name."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        """The message of an answer in the one documented form."""
        assert self.headers["content-type"] == "application/json", self
        (name, message), *more = json.loads(self.body).items()
        assert (name, more) == ("error", []), self
        return message


def exchange(url: str, request: bytes, *, half_closed: bool = False, seconds: float = 20) -> list[Answer]:
    """Every answer that the connection brings before the server closes it; fails when it is open after `seconds`."""
    address = urlsplit(url)
    deadline = time.monotonic() + patient(seconds)
    received = b""
    with socket.create_connection((address.hostname, address.port)) as connection:
        with contextlib.suppress(ConnectionError):  # refused before all of it was read
            connection.sendall(request)
            if half_closed:
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while True:
                connection.settimeout(max(0.01, deadline - time.monotonic()))
                part = connection.recv(65536)
                if not part:
                    break
                received += part
    return list(_answers(received))


def _answers(received: bytes) -> Any:
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", len(rest)))
        yield Answer(int(first.split()[1]), headers, rest[:length])
        received = rest[length:]
