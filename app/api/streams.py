"""Answers that stream: their headers, and patience with a client that does not read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response, request

from app.services import services
from app.streaming import sse


def stream(frames: Iterator[bytes]) -> Response:
    """The frames as an event stream. A client that takes none for AOMI_SEND_TIMEOUT is cut off; it may resume."""
    socket = request.environ.get("gunicorn.socket")
    patience = services().settings.send_timeout
    return Response(_with_patience(frames, socket, patience), mimetype=sse.MIMETYPE, headers=sse.HEADERS)


def _with_patience(frames: Iterator[bytes], socket: Any, patience: float) -> Iterator[bytes]:
    if socket is None:  # another server than gunicorn, as in a test
        yield from frames
        return
    socket.settimeout(patience)
    try:
        yield from frames
    finally:
        socket.settimeout(None)
