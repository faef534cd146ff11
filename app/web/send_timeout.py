"""Patience with a client that stands still, in the middle of sending a body or of taking a stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def patience(socket: Any, seconds: float) -> Iterator[None]:
    """Reads and writes of the request's `socket` that take longer raise `TimeoutError`."""
    if socket is None:  # another server than gunicorn, as in a test
        yield
        return
    socket.settimeout(seconds)
    try:
        yield
    finally:
        socket.settimeout(None)
