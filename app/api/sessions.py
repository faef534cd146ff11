"""Sessions: make, read, list, rename, archive, delete."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app.errors import BadRequest
from app.events import sse
from app.openapi import schemas
from app.openapi.declare import SESSION, SESSION_PATH, Parameter, RouteSpec, body, documented
from app.state.connection.store import dumps
from app.state.sessions import status
from app.turns.erasing import erase
from app.web import parsing
from app.web.current import services
from app.web.serializers import choice, summary, thread_json, times

bp = Blueprint("sessions", __name__)


_OWNER_SCHEMA = {"type": "string", "minLength": 1, "maxLength": parsing.PUBLIC_KEY_CHARACTERS}
_OWNER = Parameter("public_key", "query", "Whose sessions.", _OWNER_SCHEMA, required=True)


@bp.post("/api/sessions")
@documented(schemas.MadeSession, SESSION, body(schemas.NewSession, required=False))
def create() -> ResponseReturnValue:
    """Make the session; one that exists stays as it is, but for an owner where it had none."""
    session_id = parsing.session_id()
    given = parsing.optional_body()
    fields = {
        "title": parsing.optional_text_of(given, "title", parsing.TITLE_CHARACTERS),
        "public_key": parsing.optional_text_of(given, "public_key", parsing.PUBLIC_KEY_CHARACTERS),
    }
    if given.get("user_state") is not None:
        fields["user_state"] = dumps(parsing.user_state_of(given["user_state"]))
    if given.get("app") is not None:
        fields["app"] = fields["chosen_app"] = parsing.known_app(given)
    created = services().sessions.create(session_id, fields)
    if fields["public_key"] and not created:
        services().sessions.own(session_id, fields["public_key"])
    session = parsing.session_or_404(session_id)
    return jsonify(session_id=session_id, created=created, **summary(session))


@bp.get("/api/sessions")
@documented(list[schemas.ListedSession], RouteSpec((_OWNER,), (400,)))
def of_public_key() -> ResponseReturnValue:
    """The sessions that a public key has made, newest first, as a bare array."""
    public_key = request.args.get("public_key", "")
    if not 0 < len(public_key) <= parsing.PUBLIC_KEY_CHARACTERS:
        raise BadRequest(f"The query needs public_key, of 1 to {parsing.PUBLIC_KEY_CHARACTERS} characters")
    found = services().sessions.owned_by(public_key)
    return jsonify([{"session_id": session["id"], **times(session), **summary(session)} for session in found])


@bp.get("/api/sessions/<session_id>")
@documented(schemas.Session, SESSION_PATH)
def show(session_id: str) -> ResponseReturnValue:
    """The session and its threads."""
    session_id = parsing.checked_session_id(session_id)
    session = parsing.session_or_404(session_id)
    threads = [thread_json(thread) for thread in services().sessions.threads(session_id)]
    return jsonify(
        session_id=session_id,
        threads=threads,
        **times(session),
        **summary(session),
        **choice(services().catalog, session),
    )


@bp.patch("/api/sessions/<session_id>")
@documented(schemas.NamedSession, SESSION_PATH, body(schemas.Titled))
def rename(session_id: str) -> ResponseReturnValue:
    """Give the session a title of a person's choosing."""
    session_id = parsing.checked_session_id(session_id)
    parsing.session_or_404(session_id)
    title = parsing.text_of(parsing.body(), "title", parsing.TITLE_CHARACTERS)
    services().sessions.rename(session_id, title)
    return jsonify(session_id=session_id, **summary(parsing.session_or_404(session_id)))


@bp.delete("/api/sessions/<session_id>")
@documented(schemas.DeletedSession, SESSION_PATH)
def delete(session_id: str) -> ResponseReturnValue:
    """End the session's turns and remove all of it."""
    session_id = parsing.checked_session_id(session_id)
    parsing.session_or_404(session_id)
    parts = services()
    erase(parts.sessions, parts.turns, parts.billing, parts.jobs, session_id)
    return jsonify(session_id=session_id, deleted=True)


@bp.post("/api/sessions/<session_id>/archive")
@documented(schemas.ArchivedSession, SESSION_PATH)
def archive(session_id: str) -> ResponseReturnValue:
    """Put the session away."""
    return _set_archived(session_id, True)


@bp.post("/api/sessions/<session_id>/unarchive")
@documented(schemas.ArchivedSession, SESSION_PATH)
def unarchive(session_id: str) -> ResponseReturnValue:
    """Take the session out again."""
    return _set_archived(session_id, False)


def _set_archived(session_id: str, archived: bool) -> ResponseReturnValue:
    session_id = parsing.checked_session_id(session_id)
    event = sse.state(session_id, status(parsing.session_or_404(session_id)), is_archived=archived)
    services().sessions.change(session_id, {"is_archived": int(archived)}, [event])
    return jsonify(session_id=session_id, is_archived=archived)
