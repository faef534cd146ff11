"""The state of a session, and interrupting its turn."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app.errors import NotFound
from app.openapi.declare import KNOWN_SESSION, REASONING, documented, query
from app.openapi.schemas import responses
from app.state import transcript
from app.state.session_fields import Fields
from app.state.sessions import Snapshot
from app.web import parsing
from app.web.current import services
from app.web.serializers import status_json

bp = Blueprint("state", __name__)


@bp.get("/api/state")
@documented(responses.State, KNOWN_SESSION, query("thread_id", "A thread other than the newest."), REASONING)
def show() -> ResponseReturnValue:
    """A snapshot: the messages, including a running turn's text so far, and the update to follow from."""
    session_id = parsing.session_id()
    snapshot = services().sessions.snapshot(session_id, request.args.get("thread_id"))
    if snapshot is None:
        raise NotFound(parsing.NO_SESSION)
    if snapshot.thread_id is None:
        raise NotFound(parsing.NO_THREAD)
    session = snapshot.session
    return jsonify(
        session_id=session_id,
        thread_id=snapshot.thread_id or None,
        messages=transcript.for_clients(snapshot.placed(), with_reasoning=_shows_reasoning(session)),
        waiting=_waiting(snapshot),
        last_event_id=session.get("updates", "0"),
        **status_json(services().catalog, session),
    )


def _shows_reasoning(session: Fields) -> bool:
    """Whether the client asks for what the model thinks, and the session's app does not hide it."""
    app, _ = services().catalog.choice(session.get("app", ""), "")
    return parsing.wants_reasoning() and app.reasoning == "shown"


def _waiting(snapshot: Snapshot) -> list[dict[str, str]]:
    """The people's messages that can be withdrawn."""
    turns = [turn for turn in snapshot.waiting if turn.regenerates or turn.message["role"] == "user"]
    return [{"run_id": turn.run_id, "text": turn.message["content"]} for turn in turns]


@bp.post("/api/interrupt")
@documented(responses.Interrupted, KNOWN_SESSION)
def interrupt() -> ResponseReturnValue:
    """Stop the current turn."""
    session_id, _ = parsing.known_session()
    return jsonify(interrupted=services().turns.interrupt(session_id))
