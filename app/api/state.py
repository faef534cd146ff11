"""The state of a session, and stopping its turn."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app.dialects import gen1
from app.dialects.gen1.schemas import Gen1State
from app.errors import NotFound
from app.openapi import schemas
from app.openapi.declare import KNOWN_SESSION, documented, query
from app.state import transcript
from app.web import parsing
from app.web.current import services
from app.web.serializers import status_json

bp = Blueprint("state", __name__)


@bp.get("/api/state")
@documented(schemas.State | Gen1State, KNOWN_SESSION, query("thread_id", "Another thread than the newest."))
def show() -> ResponseReturnValue:
    """A snapshot: the messages, with the text so far of a running turn, and where to follow from."""
    if gen1.polls():
        return gen1.poll()
    session_id = parsing.session_id()
    snapshot = services().sessions.snapshot(session_id, request.args.get("thread_id"))
    if snapshot is None:
        raise NotFound("There is no such session; POST /api/sessions or a first message makes one")
    if snapshot.thread_id is None:
        raise NotFound("There is no such thread in this session")
    session = snapshot.session
    return jsonify(
        session_id=session_id,
        thread_id=snapshot.thread_id or None,
        messages=transcript.for_clients(snapshot.messages),
        last_event_id=session.get("updates", "0"),
        **status_json(services().catalog, session),
    )


@bp.post("/api/interrupt")
@documented(schemas.Interrupted | Gen1State, KNOWN_SESSION)
def interrupt() -> ResponseReturnValue:
    """Stop the turn that is current at this moment."""
    if gen1.polls():
        return gen1.interrupt()
    session_id, _ = parsing.known_session()
    return jsonify(interrupted=services().turns.interrupt(session_id))
