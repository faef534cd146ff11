"""gunicorn's settings (`gunicorn -c python:app.serving 'app:create_app()'`) and its worker class. On SIGTERM the worker
serves on for AOMI_DRAIN seconds, then ends each open stream with a proper last chunk, so that its client resumes on
another process."""

from __future__ import annotations

import contextlib
import errno
import gc
import logging
import os
import signal
import socket
import ssl
import sys
import time
from http import HTTPStatus
from types import FrameType
from typing import Any

import gevent
import gevent.socket
from gunicorn import util
from gunicorn.errors import AppImportError
from gunicorn.glogging import Logger
from gunicorn.http import message, wsgi
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
from gunicorn.workers.ggevent import GeventWorker

from app import exact_json, file_limit
from app.checks import variables
from app.errors import ConfigError
from app.telemetry import logs, tracing
from app.web.security_headers import DEFAULT_HEADERS
from app.web.streaming.client_socket import LONGEST, ClientSocket
from app.web.streaming.long_body import LongBody
from app.web.streaming.long_streams import LongStreams

log = logging.getLogger(__name__)

CLOSE_SECONDS = 10
"""How long requests that still run at the end of the drain may take."""


def _whole_number(name: str, default: str) -> int:
    """Of a variable that gunicorn's own settings need. Ends the process if it is wrong."""
    try:
        return variables.whole_number(name, os.environ.get(name) or default)
    except ValueError as error:
        print(f"aomi web: {error}", file=sys.stderr)  # noqa: T201 - before any log is set up
        raise SystemExit(2) from None


bind = f"{os.environ.get('HOST', '0.0.0.0')}:{_whole_number('PORT', '8000')}"  # noqa: S104 - behind a router
workers = _whole_number("WEB_CONCURRENCY", "1")
worker_class = "app.serving.StreamWorker"
worker_connections = 1_000_000  # above it gunicorn would accept nothing; `file_limit` sets the true maximum
timeout = 60
graceful_timeout = CLOSE_SECONDS + 60  # of gunicorn's master, which does not read .env: the longest AOMI_DRAIN
keepalive = 1  # connections stay open; `ClientSocket` knows for how long
limit_request_line = message.MAX_REQUEST_LINE = 64 * 1024 + 4096
# gen-1 clients send messages in the query. gunicorn allows at most 8190 or unlimited, so its own maximum is raised.
limit_request_fields = 100
limit_request_field_size = 8190
control_socket_disable = True  # its socket is in the home folder, which a container user may not have
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
    (ExpectationFailed, 417, "The only supported expectation is 100-continue"),
    (UnsupportedTransferCoding, 501, "The only supported transfer coding is chunked"),
    (InvalidHeader, 400, "A header is malformed or contradicts another one"),
    (InvalidHeaderName, 400, "The name of a header is malformed"),
    (ObsoleteFolding, 400, "A header must be on one line"),
    (ParseException, 400, "This is not an HTTP/1.1 request"),
    (Exception, 500, "Internal server error; try again"),
)
"""Invalid requests, by gunicorn's exception: status and message. No view sees them."""


def on_starting(server: Any) -> None:
    """A hook of gunicorn's master. SIGHUP to it would restart its worker processes and so end their streams; instead
    the oldest of them has the site reload aomi.yaml."""

    def hand_on() -> None:
        if server.WORKERS:
            oldest = min(server.WORKERS, key=lambda pid: server.WORKERS[pid].age)
            server.kill_worker(oldest, signal.SIGHUP)

    server.handle_hup = hand_on


class Log(Logger):
    """gunicorn's own log lines, in the format of the app's."""

    def setup(self, cfg: Any) -> None:
        """Log to gunicorn's destination in our format."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.formatter(os.environ.get("AOMI_LOG_FORMAT", "")))


class StreamWorker(GeventWorker):
    """A gevent worker that ends its open streams and closes idle connections on SIGTERM. SIGINT and SIGQUIT end it
    at once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clients: set[Any] = set()
        self._long = LongStreams()
        self._closes_at = self._send_timeout = 0.0
        self._idle: dict[Any, None] = {}  # those of them that wait for a request, the longest first
        self._max_clients = self._files_at_start = file_limit.UNLIMITED
        self._watcher: Any = None

    def init_process(self) -> None:
        """Load the app, then serve. The limit of open files is raised before, because parts of the app depend on it."""
        self._files_at_start = file_limit.raise_to_hard()
        super().init_process()

    def run(self) -> None:
        """Serve until the process is stopped. Also runs a reaper, for turns whose worker died."""
        gevent.get_hub().print_exception = logs.greenlet_uncaught
        services = self.wsgi.extensions["aomi"]
        self._send_timeout = services.settings.send_timeout
        files = file_limit.budget(file_limit.open_files(), services.settings.redis_connections)
        self._max_clients = files.connections
        log.info("at most %d open files (%d at start): %d streams", files.files, self._files_at_start, files.streams)
        self.cfg.set("graceful_timeout", CLOSE_SECONDS)
        services.reaper().start()
        self._watcher = self.wsgi.extensions["aomi_reload_watcher"]
        self._watcher.start()
        services.reporter.start("web", {"aomi_open_streams": lambda: services.hub.open_streams})
        gc.set_threshold(20_000, 20, 100)  # a full collection with 2,000 open streams pauses all of them for 100 ms
        super().run()
        self._long.join(max(0.0, self._closes_at - time.monotonic()))
        self._watcher.stop()
        services.reporter.stop()
        tracing.stop()

    def load_wsgi(self) -> None:
        """Load the app. An invalid setting or aomi.yaml is one line in the log, as in the worker, not a traceback."""
        try:
            super().load_wsgi()
        except ConfigError as error:
            raise AppImportError("\n".join(f"aomi web: {line}" for line in str(error).splitlines())) from error

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection. A connection with TLS has gunicorn's own time limits."""
        if not isinstance(client, ssl.SSLSocket):
            client = ClientSocket(client, self._send_timeout)
        self._clients.add(client)
        if len(self._clients) + len(self._long) > self._max_clients and self._idle:
            self._close_longest_idle()
        self._idle[client] = None
        try:
            super().handle(listener, client, addr)
        finally:
            self._clients.discard(client)
            self._idle.pop(client, None)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Serve one request. A client that does not read in time is treated as disconnected."""
        self._idle.pop(sock, None)
        if isinstance(sock, ClientSocket):
            sock.await_body()
        try:
            return super().handle_request(listener_name, req, sock, addr)
        except TimeoutError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the client does not read") from error
        finally:
            self._idle[sock] = None
            if isinstance(sock, ClientSocket):
                sock.await_request()

    def is_already_handled(self, respiter: Any) -> bool:
        """Hand a long response over to `LongStreams`, and end this greenlet, whose stack is large."""
        begun = respiter.begun if isinstance(respiter, LongBody) else None
        if begun is None or type(begun) is not wsgi.Response:  # a response of HTTP/2 shares its connection
            return bool(super().is_already_handled(respiter))
        begun.force_close()
        with contextlib.ExitStack() as unless_sent:
            unless_sent.callback(respiter.close)
            begun.send_headers()
            unless_sent.pop_all()
        connection = gevent.socket.socket(fileno=begun.sock.detach())
        connection.settimeout(self._send_timeout)
        self._long.write(connection, begun.chunked, respiter.frames)
        raise StopIteration

    def timeout_ctx(self) -> Any:
        """Above the limits of `ClientSocket`, whose end of a silent client is a quiet one."""
        return gevent.Timeout(2 * LONGEST * self._send_timeout, False)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Refuse an invalid request with a JSON error. Its content is not logged: it may contain a key."""
        status, refusal = next((status, refusal) for kind, status, refusal in REFUSALS if isinstance(exc, kind))
        if status == 500:
            self.log.error("A request failed outside the app", exc_info=exc)
        else:
            self.log.info("Invalid request: %s", type(exc).__name__)
        body = exact_json.dump_bytes({"error": refusal}) + b"\n"
        headers = {
            "Connection": "close",
            "Content-Type": "application/json",
            "Content-Length": len(body),
        } | DEFAULT_HEADERS
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {headers[name]}" for name in headers)]
        head = "\r\n".join(lines) + "\r\n\r\n"
        with contextlib.suppress(OSError):
            util.write_nonblock(client, head.encode() + body)

    def init_signals(self) -> None:
        """SIGHUP has the site reload aomi.yaml; of gunicorn's, it would end the process."""
        super().init_signals()
        signal.signal(signal.SIGHUP, self.handle_hangup)

    def handle_hangup(self, sig: int, frame: FrameType | None) -> None:
        """Have all processes take aomi.yaml as it is now. Before the app is loaded, nothing has to be done."""
        if self._watcher:
            gevent.spawn(self._watcher.reload_site)  # a signal handler must not block

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop: tell load balancers and serve for AOMI_DRAIN seconds; then running requests finish, streams end."""
        gevent.spawn(self._drain, sig, frame)  # a signal handler must not block

    def _drain(self, sig: int, frame: FrameType | None) -> None:
        try:
            self.wsgi.extensions["aomi_readiness"].stopping = True
            gevent.sleep(self.wsgi.extensions["aomi"].settings.drain)
            self._end_streams()
            self._closes_at = time.monotonic() + CLOSE_SECONDS
        finally:
            super().handle_exit(sig, frame)

    def _end_streams(self) -> None:
        self.wsgi.extensions["aomi"].hub.close()
        for client in self._clients:
            _close_when_idle(client)

    def _close_longest_idle(self) -> None:
        client = next(iter(self._idle))
        del self._idle[client]
        _close_when_idle(client)


def _close_when_idle(client: Any) -> None:
    """Close a connection that awaits a request. A request that has arrived, or arrives, is still answered."""
    if isinstance(client, ClientSocket):
        client.close_when_idle()
        return
    with contextlib.suppress(OSError):  # with TLS: the end of the input, for a request that arrives as well
        client._sock.shutdown(socket.SHUT_RD)
