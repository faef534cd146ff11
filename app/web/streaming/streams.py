"""Streaming responses: their headers, and a timeout for clients that do not read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from flask import Response, request

from app.events import sse
from app.state.connection.clients import Unavailable
from app.web.current import services
from app.web.streaming.send_timeout import socket_timeout
from app.web.streaming.stream_pass import admitted
from app.web.streaming.stream_slots import StreamSlot, use_slot

log = logging.getLogger(__name__)


def stream(frames: Iterator[bytes]) -> Response:
    """The frames as an event stream, from a view that `opens_stream`. A client that reads nothing for
    AOMI_SEND_TIMEOUT is cut off; it may resume."""
    socket = request.environ.get("gunicorn.socket")
    settings, environ = services().settings, request.environ
    timed = _with_send_timeout(admitted(frames), use_slot(), environ, socket, settings.send_timeout)
    next(timed)  # from here on its end releases the slot, even if no frame is ever sent
    # direct_passthrough: two iterators less around each token, and 2 KB less for each open stream
    headers = sse.HEADERS | {sse.KEEP_ALIVE_HEADER: f"{settings.keep_alive:g}"}
    return Response(timed, mimetype=sse.MIMETYPE, headers=headers, direct_passthrough=True)


def _with_send_timeout(
    frames: Iterator[bytes], slot: StreamSlot, environ: dict[str, Any], socket: Any, seconds: float
) -> Iterator[bytes]:
    try:
        yield b""
        if socket is not None:
            environ.clear()  # the response has begun: a stream may be open for hours and need not keep the request
        with socket_timeout(socket, seconds):
            yield from frames
    except Unavailable as error:  # the stream ends as it does when the process stops: its client resumes
        log.warning("Redis does not respond (%s): ending a stream; its client may resume", type(error).__name__)
    finally:
        slot.release()
