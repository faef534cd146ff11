"""gunicorn's settings (`gunicorn -c python:app.serving 'app:create_app()'`), and a worker whose open streams end
when it is told to stop: each with a proper last chunk, so that its client resumes on another process."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from types import FrameType
from typing import Any

import gevent
from gunicorn.http import message
from gunicorn.workers.ggevent import GeventWorker

from app.caretaker import Caretaker

bind = f"{os.environ.get('HOST', '0.0.0.0')}:{os.environ.get('PORT', '8000')}"  # noqa: S104 - behind a router
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
worker_class = "app.serving.StreamWorker"
worker_connections = 10_000
timeout = 60
graceful_timeout = 10
keepalive = 75
limit_request_line = message.MAX_REQUEST_LINE = 64 * 1024 + 4096
# gen-1 clients send messages in the query. gunicorn knows no bound between 8190 and none at all, so its own is moved.
control_socket_disable = True  # its socket stands in the home folder, which a container user may not have
errorlog = "-"
loglevel = "warning"


class StreamWorker(GeventWorker):
    """A gevent worker that at SIGTERM and SIGINT ends its open streams and lets idle connections go."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clients: set[Any] = set()

    def run(self) -> None:
        """Serve until told to stop, and look after turns whose worker went away."""
        Caretaker(self.wsgi.extensions["aomi"]).start()
        super().run()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection."""
        self._clients.add(client)
        try:
            super().handle(listener, client, addr)
        finally:
            self._clients.discard(client)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Answer one request. A client that did not read in time counts as one that hung up."""
        try:
            return super().handle_request(listener_name, req, sock, addr)
        except TimeoutError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the client does not read") from error

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop: requests finish, streams end."""
        gevent.spawn(self._let_go)  # a signal handler must not block
        super().handle_exit(sig, frame)

    def _let_go(self) -> None:
        self.wsgi.extensions["aomi"].hub.close()
        for client in self._clients:
            with contextlib.suppress(OSError):
                # An idle connection ends; an answer under way is still sent. Below gevent's socket, which would wake
                # the reader with an error instead of the end.
                client._sock.shutdown(socket.SHUT_RD)
