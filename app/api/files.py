"""The files of a session: upload, download, delete. A chat message refers to them in `attachments`."""

from __future__ import annotations

from itertools import chain
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from app.errors import NotFound, NotReady
from app.openapi.declare import KNOWN_SESSION, Created, Download, Parameter, RouteSpec, documented, query, upload
from app.openapi.schemas import files as schemas
from app.state.uploads.file_storage import FileGone, StorageFailed
from app.state.uploads.files import StoredFile
from app.state.uploads.media_types import EXTENSIONS, TEXT
from app.web import parsing, uploads
from app.web.current import services
from app.web.messages.attachments import NO_FILE

bp = Blueprint("files", __name__)

_FILE_PATH = RouteSpec((Parameter("file_id", "path", "A file of the session.", required=True),))


@bp.post("/api/files")
@documented(
    Created(schemas.File),
    KNOWN_SESSION,
    query("filename", "The name to show; folders and unsafe characters are left out."),
    upload(*EXTENSIONS),
)
def add() -> ResponseReturnValue:
    """Store a file. Its type is what its bytes are, not what `Content-Type` says."""
    session_id = parsing.session_id()
    name, size = request.args.get("filename", ""), uploads.declared_size()
    file = uploads.stored(session_id, name, uploads.pieces(), size)
    return jsonify(file.reference()), 201


@bp.get("/api/files/<file_id>")
@documented(Download(tuple(EXTENSIONS)), KNOWN_SESSION, _FILE_PATH)
def show(file_id: str) -> ResponseReturnValue:
    """The bytes of a file."""
    session_id, file = _known_file(file_id)
    pieces = services().files.read(session_id, file)
    try:
        first = next(pieces)
    except (FileGone, StopIteration):
        raise NotFound(NO_FILE) from None
    except StorageFailed as failed:
        raise NotReady(uploads.AWAY) from failed
    response = Response(chain((first,), pieces), mimetype=file.media_type)
    if file.media_type == TEXT:
        response.content_type = f"{TEXT}; charset=utf-8"
    response.content_length = file.bytes
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file.filename, safe='')}"
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


@bp.delete("/api/files/<file_id>")
@documented(schemas.DeletedFile, KNOWN_SESSION, _FILE_PATH)
def delete(file_id: str) -> ResponseReturnValue:
    """Delete a file. Messages keep its name; models no longer see it."""
    session_id, file = _known_file(file_id)
    services().files.delete(session_id, file.id)
    return jsonify(file_id=file.id, deleted=True)


def _known_file(file_id: str) -> tuple[str, StoredFile]:
    """Raises `NotFound` for a file that is not of the request's session, too."""
    session_id, _ = parsing.known_session()
    file = services().files.get(session_id, file_id)
    if file is None:
        raise NotFound(NO_FILE)
    return session_id, file
