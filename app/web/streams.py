"""Answers that stream: their headers, and patience with a client that does not read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from flask import Response, request

from app.events import sse
from app.state.connection.clients import Unavailable
from app.web.current import services
from app.web.send_timeout import patience

log = logging.getLogger(__name__)


def stream(frames: Iterator[bytes]) -> Response:
    """The frames as an event stream. A client that takes none for AOMI_SEND_TIMEOUT is cut off; it may resume."""
    socket = request.environ.get("gunicorn.socket")
    seconds, environ = services().settings.send_timeout, request.environ
    patient = _patiently(frames, environ, socket, seconds)
    # passed through: two iterators less around each token, and 2 KB less for each open stream
    return Response(patient, mimetype=sse.MIMETYPE, headers=sse.HEADERS, direct_passthrough=True)


def _patiently(frames: Iterator[bytes], environ: dict[str, Any], socket: Any, seconds: float) -> Iterator[bytes]:
    if socket is not None:
        environ.clear()  # the request was answered: a stream that is open for hours need not keep all of it
    try:
        with patience(socket, seconds):
            yield from frames
    except Unavailable as error:  # the stream ends as at the process's own end: its client resumes
        log.warning("a stream ends, as Redis does not answer (%s); its client may resume", type(error).__name__)
