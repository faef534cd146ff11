"""A line between client and server that breaks in the middle."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


class Line:
    """Passes bytes on to the server at `target`. The first `cuts` connections break in their `cut_at`th event, or with
    `silent` stay open and silent from there on; only those count whose first request begins with `of`."""

    def __init__(self, target: str, *, cut_at: int, cuts: int, of: bytes, silent: bool) -> None:
        self.requests: list[bytes] = []
        """What clients have sent, one piece a request."""
        self._address = (urlsplit(target).hostname, urlsplit(target).port)
        self._cut_at = cut_at
        self._left = cuts
        self._of = of
        self._silent = silent

    def carry(self, client: socket.socket) -> None:
        """Until either side hangs up, or the line breaks."""
        with client, socket.create_connection(self._address) as server:
            requests: list[bytes] = []
            threading.Thread(target=self._up, args=(client, server, requests), daemon=True).start()
            with contextlib.suppress(OSError):
                self._down(client, server, requests)

    def _up(self, client: socket.socket, server: socket.socket, requests: list[bytes]) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                requests.append(data)
                self.requests.append(data)
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _down(self, client: socket.socket, server: socket.socket, requests: list[bytes]) -> None:
        seen = 0
        while data := server.recv(65536):
            places = data.count(b"data: ")
            if self._left and requests[0].startswith(self._of) and seen + places >= self._cut_at:
                self._left -= 1
                *whole, _ = data.split(b"data: ", self._cut_at - seen)
                client.sendall(b"data: ".join(whole) + b"data: {")
                if self._silent:
                    while server.recv(65536):  # until the client hangs up
                        pass
                client.shutdown(socket.SHUT_RDWR)
                return
            seen += places
            client.sendall(data)


@contextmanager
def breaking(
    target: str, *, cut_at: int, cuts: int = 1, of: bytes = b"", silent: bool = False
) -> Iterator[tuple[str, Line]]:
    """A line to `target`; yields its address and itself."""
    line = Line(target, cut_at=cut_at, cuts=cuts, of=of, silent=silent)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=line.carry, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", line
