"""AG-UI's path."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from app.dialects.agui import answers, schemas, sending
from app.dialects.agui.events import AgentEvent
from app.dialects.agui.frames import PROTOCOL
from app.dialects.agui.running import Asked, stream_kept, stream_run
from app.openapi.declare import SESSION_PATH, Events, Parameter, RouteSpec, body, documented
from app.web import parsing
from app.web.bodies import json_body, validated
from app.web.messages.turn_start import chat_of, session_of_body
from app.web.streaming.stream_slots import opens_stream
from app.web.streaming.turn_streams import kept_turn

bp = Blueprint("agui", __name__)

STREAM = Events(AgentEvent, {})
APP_PATH = RouteSpec((Parameter("app", "path", "The app.", required=True),), (401, 403, 404), key="optional")

_KEY_SCHEMA = {"type": "string", "maxLength": parsing.IDEMPOTENCY_KEY_CHARACTERS}
_IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key", "header", "A new one for each message, kept for its retries.", _KEY_SCHEMA
)
RUN_PATH = RouteSpec((Parameter("run_id", "path", "A turn, as in `Location` of /api/chat.", required=True),))
RUN = RouteSpec((_IDEMPOTENCY_KEY,), (400, 402, 409, 415, 429))


@bp.post("/agui/<app>")
@documented(STREAM, APP_PATH, RUN, body(schemas.RunAgentInput))
@opens_stream
def run(app: str) -> ResponseReturnValue:
    """Run an app for the user's last message and stream AG-UI's events. The same `runId` again is the same run, from
    its first event on. Hanging up does not stop it."""
    return run_app(app, json_body())


@bp.get("/agui/threads/<session_id>/runs/<run_id>")
@documented(STREAM, SESSION_PATH, RUN_PATH)
@opens_stream
def show(session_id: str, run_id: str) -> ResponseReturnValue:
    """A turn of a thread as a run of AG-UI 1.0, from its first event on: one that runs or is over, whichever dialect
    its client speaks. 404 once its events are no longer kept. Starts nothing."""
    session_id = parsing.checked_session_id(session_id)
    turn_id = kept_turn(session_id, run_id).id
    return stream_run(Asked(session_id, turn_id, speaks_1_0=True, state={}), turn_id)


def run_app(app: str, content: dict[str, Any]) -> Response:
    """The run of a `RunAgentInput`, which CopilotKit's clients send to other paths. Raises `ApiError`."""
    sent = validated(schemas.RunAgentInput, content)
    chat = chat_of(session_of_body(sent["threadId"]), app)
    by = asked(chat.session_id, sent["runId"], sent)
    if answers.has_answers(sent):
        accepted = answers.answer(chat, sent)
        return stream_kept(by, accepted.awaiting) if accepted.outcome == "kept" else stream_run(by, accepted.run_id)
    return stream_run(by, sending.start(chat, sent).run_id)


def asked(session_id: str, run_id: str, sent: schemas.RunAgentInput | schemas.ConnectInput) -> Asked:
    """The client that asks for a stream."""
    state = sent.get("state")
    speaks_1_0 = sent.get("protocolVersion") == PROTOCOL
    return Asked(session_id, run_id, speaks_1_0, state if isinstance(state, dict) else {})
