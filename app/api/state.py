"""The state of a session, and stopping its turn."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app.api import gen1, inputs, shapes
from app.api.answers import status_json
from app.api.described import KNOWN_SESSION, described, query
from app.api.gen1.shapes import Gen1State
from app.errors import NotFound
from app.services import services

bp = Blueprint("state", __name__)


@bp.get("/api/state")
@described(shapes.State | Gen1State, KNOWN_SESSION, query("thread_id", "Another thread than the newest."))
def show() -> ResponseReturnValue:
    """A snapshot: the messages, with the text so far of a running turn, and where to follow from."""
    if gen1.polls():
        return gen1.poll()
    session_id = inputs.session_id()
    snapshot = services().sessions.snapshot(session_id, request.args.get("thread_id"))
    if snapshot is None:
        raise NotFound("There is no such session; POST /api/sessions or a first message makes one")
    if snapshot.thread_id is None:
        raise NotFound("There is no such thread in this session")
    session = snapshot.session
    return jsonify(
        session_id=session_id,
        thread_id=snapshot.thread_id or None,
        messages=[message for message in snapshot.messages if message["role"] != "error"],
        last_event_id=session.get("updates", "0"),
        **status_json(services().catalog, session),
    )


@bp.post("/api/interrupt")
@described(shapes.Interrupted | Gen1State, KNOWN_SESSION)
def interrupt() -> ResponseReturnValue:
    """Stop the turn that is current at this moment."""
    if gen1.polls():
        return gen1.interrupt()
    session_id, _ = inputs.known_session()
    return jsonify(interrupted=services().turns.interrupt(session_id))
