"""A timeout for clients that stall in the middle of reading a stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def socket_timeout(socket: Any, seconds: float) -> Iterator[None]:
    """Writes to the request's `socket` that take longer raise `TimeoutError`."""
    if socket is None:  # not gunicorn, for example Flask's test client
        yield
        return
    before = socket.gettimeout()
    socket.settimeout(seconds)
    try:
        yield
    finally:
        socket.settimeout(before)
