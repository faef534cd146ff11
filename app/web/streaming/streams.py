"""Streaming responses: their headers, and a timeout for clients that do not read."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator
from typing import Any, cast

from flask import Response, request

from app.events import sse
from app.live.inbox import Inbox, waited
from app.state.connection.clients import Unavailable
from app.web.current import services
from app.web.streaming.client_socket import ClientSocket
from app.web.streaming.long_body import LongBody
from app.web.streaming.stream_pass import admitted
from app.web.streaming.stream_slots import StreamSlot, use_slot

log = logging.getLogger(__name__)


def stream(frames: Iterator[bytes | Inbox], *, is_long: bool = False) -> Response:
    """The frames as an event stream, from a view that `opens_stream`. A client that reads nothing for
    AOMI_SEND_TIMEOUT is cut off; it may resume. `is_long`: it is mostly silent, and is parked where it yields its
    inbox; its connection takes no further request."""
    environ: dict[str, Any] = request.environ
    socket, settings = environ.get("gunicorn.socket"), services().settings
    is_parked = is_long and isinstance(socket, ClientSocket)
    if is_parked:
        environ, socket = {}, None
    elif is_long:
        frames = waited(frames)
    timed = _with_send_timeout(admitted(frames), use_slot(), environ, socket, settings.send_timeout)
    next(timed)  # from here on its end releases the slot, even if no frame is ever sent
    # direct_passthrough: two iterators less around each token, and 2 KB less for each open stream
    headers = sse.HEADERS | {sse.KEEP_ALIVE_HEADER: f"{settings.keep_alive:g}"}
    body = LongBody(timed) if is_parked else cast(Iterator[bytes], timed)  # which waits by itself
    kind = _LongResponse if is_parked else Response
    return kind(body, mimetype=sse.MIMETYPE, headers=headers, direct_passthrough=True)


class _LongResponse(Response):
    """A response with a `LongBody`."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """As any WSGI application."""
        body = super().__call__(environ, start_response)
        if isinstance(body, LongBody):  # else the request was HEAD
            body.begun = getattr(start_response, "__self__", None)
        return body


def _with_send_timeout(
    frames: Iterator[bytes | Inbox], slot: StreamSlot, environ: dict[str, Any], socket: Any, seconds: float
) -> Generator[bytes | Inbox]:
    before = socket.gettimeout() if socket else None
    try:
        yield b""
        if socket:
            environ.clear()  # the response has begun: a stream may be open for hours and need not keep the request
            socket.settimeout(seconds)
        yield from frames
    except Unavailable as error:  # the stream ends as it does when the process stops: its client resumes
        log.warning("Redis does not respond (%s): ending a stream; its client may resume", type(error).__name__)
    finally:
        slot.release()
        if socket:
            socket.settimeout(before)
