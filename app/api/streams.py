"""Answers that stream: their headers, and patience with a client that does not read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from flask import Response, request

from app.services import services
from app.state.clients import Unavailable
from app.streaming import sse

log = logging.getLogger(__name__)


def stream(frames: Iterator[bytes]) -> Response:
    """The frames as an event stream. A client that takes none for AOMI_SEND_TIMEOUT is cut off; it may resume."""
    socket = request.environ.get("gunicorn.socket")
    patience = services().settings.send_timeout
    frames = _until_redis_is_away(frames)
    return Response(_with_patience(frames, socket, patience), mimetype=sse.MIMETYPE, headers=sse.HEADERS)


def _until_redis_is_away(frames: Iterator[bytes]) -> Iterator[bytes]:
    """A stream that cannot read on ends as one of a process that stops does: its client resumes."""
    try:
        yield from frames
    except Unavailable as error:
        log.warning("a stream ends, as Redis does not answer: %s", type(error).__name__)


def _with_patience(frames: Iterator[bytes], socket: Any, patience: float) -> Iterator[bytes]:
    if socket is None:  # another server than gunicorn, as in a test
        yield from frames
        return
    socket.settimeout(patience)
    try:
        yield from frames
    finally:
        socket.settimeout(None)
