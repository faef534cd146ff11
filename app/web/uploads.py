"""The bytes of an uploaded file, read piece by piece while they arrive: no request holds a whole file in memory."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from flask import request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from app.errors import BadRequest, Conflict, NotFound, NotReady, TooLarge, UnsupportedMediaType
from app.state.uploads.file_storage import CHUNK_BYTES, FileGone, StorageFailed
from app.state.uploads.files import SESSION_BYTES, SESSION_FILES, NoRoom, SessionGone, StoredFile
from app.state.uploads.media_types import UnknownType
from app.web.bodies import BROKEN_CHUNKS, BROKEN_OFF
from app.web.current import services
from app.web.parsing import NO_SESSION
from app.web.streaming.send_timeout import socket_timeout

NO_TYPE = "This is no file that can be taken: it must be a PNG, JPEG, WebP or GIF image, a PDF, or text in UTF-8"
FULL = f"The files of a session may be {SESSION_FILES}, of {SESSION_BYTES // 2**20} MiB in all; delete some first"
AWAY = "The storage of files is not available; try again shortly"


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


def stored(session_id: str, filename: str, content: Iterable[bytes], most: int) -> StoredFile:
    """Store a file of at most `most` bytes. Its type is what its bytes are.

    Raises `NotFound` (no such session), `TooLarge`, `UnsupportedMediaType`, `Conflict`, `NotReady`, and what `content`
    raises.
    """
    if most > services().settings.max_file:
        raise _too_large(services().settings.max_file)
    try:
        return services().files.add(session_id, filename, content, most)
    except SessionGone:
        raise NotFound(NO_SESSION) from None
    except NoRoom:
        raise TooLarge(FULL) from None
    except UnknownType:
        raise UnsupportedMediaType(NO_TYPE) from None
    except FileGone:
        raise Conflict("The session was deleted during the upload") from None
    except StorageFailed as failed:
        raise NotReady(AWAY) from failed


EMPTY = "The body is empty; send the bytes of the file as the body"


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The file is too large: at most {most:,} bytes")
