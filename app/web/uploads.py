"""The bytes of an uploaded file, read piece by piece while they arrive: no request holds a whole file in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from app.errors import BadRequest, TooLarge
from app.state.file_storage import CHUNK_BYTES
from app.web.bodies import BROKEN_CHUNKS, BROKEN_OFF
from app.web.current import services
from app.web.send_timeout import socket_timeout


def declared_size() -> int:
    """An upper bound of the body's bytes. Raises `BadRequest`, `TooLarge`."""
    most = services().settings.max_file
    if request.content_length == 0:
        raise BadRequest(EMPTY)
    if (request.content_length or 0) > most:
        raise _too_large(most)
    return most if request.content_length is None else request.content_length


def pieces() -> Iterator[bytes]:
    """The body. Raises `BadRequest` when it is empty or breaks off, `TooLarge`."""
    most, seen = services().settings.max_file, 0
    request.max_content_length = most + 1  # of a chunked body: werkzeug ends it there and does not say so
    try:
        with socket_timeout(request.environ.get("gunicorn.socket"), services().settings.send_timeout):
            while piece := request.stream.read(CHUNK_BYTES):
                seen += len(piece)
                if seen > most:
                    raise _too_large(most)
                yield piece
                time.sleep(0)  # other requests go on: a body that has arrived is read without a pause
    except ClientDisconnected:
        raise BadRequest(BROKEN_OFF) from None
    except ParseException:
        raise BadRequest(BROKEN_CHUNKS) from None
    if seen < (request.content_length or 1):
        raise BadRequest(BROKEN_OFF if seen else EMPTY)


EMPTY = "The body is empty; send the bytes of the file as the body"


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The file is too large: at most {most:,} bytes")
