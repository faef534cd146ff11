"""The connection of a client. One that is silent or slow for too long is at its end, whatever it still sends."""

from __future__ import annotations

import time
from typing import Any

from gevent.socket import MSG_PEEK, socket

LONGEST = 3
"""A client may keep the server waiting for this many times AOMI_SEND_TIMEOUT at most."""


class _NotAwaited(Exception):
    """Wakes a reader: no further request is awaited."""


class ClientSocket(socket):
    """A socket with time limits, in terms of AOMI_SEND_TIMEOUT (`seconds`). A request begins within three of them. It
    arrives whole (line, headers, body) within three of them after its first byte, without a pause of more than one.
    When a client takes longer, reads return the end of its input; if that was in a body, the first read raises
    `TimeoutError`. A write takes at most three, then raises `TimeoutError`.
    """

    def __init__(self, accepted: Any, seconds: float) -> None:
        """Takes over the socket of `accepted`, which is closed from then on."""
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self._pause = seconds
        self._longest = LONGEST * seconds
        self._is_last = self._is_over = False
        self.await_request()

    def await_request(self) -> None:
        """From now on a request may begin."""
        self._has_begun = self._is_in_body = False
        self._deadline = time.monotonic() + self._longest

    def await_body(self) -> None:
        """The request's line and headers have arrived; a response follows."""
        self._is_in_body = True
        self.settimeout(self._longest)  # not before: gunicorn makes new connections wait without end

    def close_when_idle(self) -> None:
        """From now on no further request is awaited. One whose first bytes have arrived is still read and answered."""
        self._is_last = True
        if not self._has_begun:
            self.hub.cancel_wait(self._read_event, _NotAwaited())

    def recv(self, *args: Any) -> bytes:
        """As that of a socket, within the time limits."""
        if self._is_over:
            return b""
        left = self._deadline - time.monotonic()
        if left <= 0:
            return self._ended()
        if self._is_last and not self._has_begun:
            left = 0  # bytes that are here already
        before = self.gettimeout()
        self.settimeout(min(left, self._pause) if self._has_begun else left)
        try:
            data: bytes = super().recv(*args)
        except _NotAwaited:
            return self.recv(*args)
        except (TimeoutError, BlockingIOError):
            return self._ended()
        finally:
            self.settimeout(before)
        if not self._has_begun:
            self._has_begun = True
            self._deadline = time.monotonic() + self._longest
        return data

    def sendall(self, data: bytes, flags: int = 0) -> None:
        """As that of a socket. Nearly always the kernel takes all at once: only if not, gevent asks it how much it
        takes, and limits the time."""
        try:
            sent = self.send(data, flags, timeout=0.0) if data else 0
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            super().sendall(memoryview(data)[sent:], flags)

    def _ended(self) -> bytes:
        self._is_over = True
        if self._is_in_body:
            raise TimeoutError("the body did not arrive in time")
        return b""


def has_hung_up(connection: Any) -> bool:
    """Whether the client of a gunicorn socket has closed the connection. Nothing that it sent is lost."""
    before = connection.gettimeout()
    connection.settimeout(0)
    try:
        return not socket.recv(connection, 1, MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(before)
