"""gunicorn's settings (`gunicorn -c python:app.serving 'app:create_app()'`), and a worker whose open streams end
when it is told to stop: each with a proper last chunk, so that its client resumes on another process."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import socket
from http import HTTPStatus
from types import FrameType
from typing import Any

import gevent
from gunicorn.errors import AppImportError
from gunicorn.glogging import Logger
from gunicorn.http import message
from gunicorn.http.errors import (
    ExpectationFailed,
    InvalidHeader,
    InvalidHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ObsoleteFolding,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.util import write_nonblock
from gunicorn.workers.ggevent import GeventWorker

from app import exact_json
from app.errors import ConfigError
from app.telemetry import logs, tracing
from app.web.security_headers import DEFAULT_HEADERS

bind = f"{os.environ.get('HOST', '0.0.0.0')}:{os.environ.get('PORT', '8000')}"  # noqa: S104 - behind a router
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
worker_class = "app.serving.StreamWorker"
worker_connections = 10_000
timeout = 60
graceful_timeout = 10
keepalive = 75
limit_request_line = message.MAX_REQUEST_LINE = 64 * 1024 + 4096
# gen-1 clients send messages in the query. gunicorn knows no bound between 8190 and none at all, so its own is moved.
limit_request_fields = 100
limit_request_field_size = 8190
control_socket_disable = True  # its socket stands in the home folder, which a container user may not have
errorlog = "-"
logger_class = "app.serving.Log"
loglevel = "warning"

REFUSALS: tuple[tuple[type[Exception], int, str], ...] = (
    (LimitRequestLine, 414, f"The request line is too long: at most {limit_request_line} bytes"),
    (
        LimitRequestHeaders,
        431,
        f"The headers are too large: at most {limit_request_fields} of {limit_request_field_size} bytes each",
    ),
    (ExpectationFailed, 417, "The only expectation that can be met is 100-continue"),
    (UnsupportedTransferCoding, 501, "The only transfer coding that is understood is chunked"),
    (InvalidHeader, 400, "A header is malformed, or contradicts another one"),
    (InvalidHeaderName, 400, "The name of a header is malformed"),
    (ObsoleteFolding, 400, "A header must stand on one line"),
    (ParseException, 400, "This is not an HTTP/1.1 request"),
    (Exception, 500, "Internal server error; try again"),
)
"""What no view comes to see, as it is no request."""


class Log(Logger):
    """gunicorn's own lines, written as the app's are."""

    def setup(self, cfg: Any) -> None:
        """Write to where gunicorn says, in our form."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.formatter(os.environ.get("AOMI_LOG_FORMAT", "")))


class StreamWorker(GeventWorker):
    """A gevent worker that at SIGTERM and SIGINT ends its open streams and lets idle connections go."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clients: set[Any] = set()

    def run(self) -> None:
        """Serve until told to stop, and look after turns whose worker went away."""
        gevent.get_hub().print_exception = logs.greenlet_broke
        parts = self.wsgi.extensions["aomi"]
        parts.reaper().start()
        parts.reporter.start("web", {"aomi_open_streams": lambda: parts.hub.open_streams})
        gc.set_threshold(20_000, 20, 100)  # a full look through 2,000 open streams stops all of them for 100 ms
        super().run()
        parts.reporter.stop()
        tracing.stop()

    def load_wsgi(self) -> None:
        """Load the app. A mistake in the settings or in aomi.yaml is one line, as in the worker, not a traceback."""
        try:
            super().load_wsgi()
        except ConfigError as error:
            raise AppImportError(f"aomi web: {error}") from error

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

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Refuse what is no request, as every error is answered. Nothing of it is logged: it may hold a key."""
        status, words = next((status, words) for kind, status, words in REFUSALS if isinstance(exc, kind))
        if status == 500:
            self.log.error("A request failed outside of the app", exc_info=exc)
        else:
            self.log.info("No request: %s", type(exc).__name__)
        body = exact_json.dump_bytes({"error": words}) + b"\n"
        headers = {
            "Connection": "close",
            "Content-Type": "application/json",
            "Content-Length": len(body),
        } | DEFAULT_HEADERS
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {headers[name]}" for name in headers)]
        head = "\r\n".join(lines) + "\r\n\r\n"
        with contextlib.suppress(OSError):
            write_nonblock(client, head.encode() + body)

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
