"""A line to a server that loses the reply to one request: the server has carried it out, and the client cannot know."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


class LosingLine:
    """Passes connections on. Breaks the one whose request contains a `word`, once for each, when the server replies."""

    def __init__(self, url: str, words: list[bytes]) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._words = words
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}{parts.path}"
        self.lost: list[bytes] = []
        """The words whose reply was lost."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                server = socket.create_connection(self._server)
                asked = threading.Event()
                threading.Thread(target=self._up, args=(client, server, asked), daemon=True).start()
                threading.Thread(target=self._down, args=(client, server, asked), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, asked: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 20):
                if found := next((word for word in self._words if word in data), None):
                    self._words.remove(found)
                    self.lost.append(found)
                    asked.set()
                server.sendall(data)
        server.close()

    def _down(self, client: socket.socket, server: socket.socket, asked: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while (data := server.recv(1 << 20)) and not asked.is_set():
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
        client.close()


@contextmanager
def losing_line(url: str, *words: bytes) -> Iterator[LosingLine]:
    line = LosingLine(url, list(words))
    try:
        yield line
    finally:
        line.close()
