"""HTTP connections that are limited in time and size over all their requests together, because a server may be slow,
drip, or reply hugely."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from functools import cache
from typing import Any

import httpcore
import httpx

MAX_BYTES = 1024 * 1024
"""Of the responses on one connection, all together."""

_CHUNK = 64 * 1024

Pool = httpcore.ConnectionPool


def pool(seconds: float) -> Pool:
    """One connection at a time, all requests within `seconds`. They raise `FAILURES` and `TooLarge`."""
    return Pool(ssl_context=trusted(), max_connections=1, network_backend=_LimitedBackend(time.monotonic() + seconds))


@cache
def trusted() -> ssl.SSLContext:
    """The authorities of certifi, or of SSL_CERT_FILE. To read them takes 20 ms."""
    return httpx.create_ssl_context()


class TooLarge(Exception):
    """The server sent more than `MAX_BYTES`."""


FAILURES = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError, TooLarge)
"""Errors of a request on such a connection."""


class _LimitedBackend(httpcore.NetworkBackend):
    """Connects until `deadline`, a time of the monotonic clock."""

    def __init__(self, deadline: float) -> None:
        self._inner, self._deadline = httpcore.SyncBackend(), deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(self._deadline)
        try:
            stream = self._inner.connect_tcp(host, port, left, local_address, socket_options)
        except ValueError as error:  # a name that no resolver takes: `a..b`, a label of over 63 characters
            raise httpcore.ConnectError(str(error)) from None
        return _LimitedStream(stream, self._deadline)


class _LimitedStream(httpcore.NetworkStream):
    """Ends at `deadline`, however slowly bytes come and go, and after `MAX_BYTES`."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: float) -> None:
        self._inner, self._deadline, self._bytes = inner, deadline, 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._inner.read(max_bytes, _left(self._deadline))
        self._bytes += len(data)
        if self._bytes > MAX_BYTES:
            raise TooLarge
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _CHUNK):
            self._inner.write(buffer[start : start + _CHUNK], _left(self._deadline))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _LimitedStream(
            self._inner.start_tls(ssl_context, server_hostname, _left(self._deadline)), self._deadline
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
