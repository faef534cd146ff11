"""Chat completions: the client has the history, and nothing of it stays here."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.dialects.openai import schemas
from app.dialects.openai.failed_turn import check_end
from app.dialects.openai.frames.chunks import Completion, CompletionFrames
from app.dialects.openai.frames.objects import seconds
from app.dialects.openai.requests import messages
from app.dialects.openai.requests.conversation_input import said_in
from app.dialects.openai.requests.params import check_params
from app.dialects.openai.requests.provisional import provisional
from app.dialects.openai.streaming import OpenTurn
from app.openapi.declare import JsonOrEvents, RouteSpec, body, documented
from app.state.turns.turn_requests import TurnRequest
from app.web.access.caller import authorized_app
from app.web.bodies import json_body, validated
from app.web.current import services
from app.web.messages.turn_start import Chat, idempotency_key, session_of_body, start_turn
from app.web.streaming.stream_slots import opens_stream

bp = Blueprint("openai_completions", __name__, url_prefix="/v1/chat/completions")

_REFUSALS = RouteSpec(refusals=(400, 401, 402, 403, 404, 409, 413, 415, 429, 502), key="optional")


@bp.post("")
@documented(JsonOrEvents(schemas.CompletionObject, schemas.CompletionChunk), _REFUSALS, body(schemas.NewCompletion))
@opens_stream
def send() -> ResponseReturnValue:
    """Answer the last message of a conversation that the client keeps. Its end, or the client's, is the end of all that
    is stored of it."""
    sent = json_body()
    check_params(sent, takes_tools=False)
    wanted = validated(schemas.NewCompletion, sent)
    turn = _started(wanted, sent.get("response_format"))
    options = wanted.get("stream_options") or {}
    completion = Completion(
        id=f"chatcmpl-{turn.run_id.rpartition('_')[2]}",
        model=wanted["model"],
        created=seconds(services().clock.now_iso()),
        include_usage=bool(options.get("include_usage")),
    )
    frames = CompletionFrames(completion)
    if wanted.get("stream"):
        return turn.stream(frames)
    end = turn.wait(frames)
    check_end(end)
    return jsonify(completion.whole(frames.text, end))


def _started(wanted: schemas.NewCompletion, response_format: Any) -> OpenTurn:
    """Start the turn, in a session that goes with the request. Raises as `start_turn`; then nothing has changed."""
    app = authorized_app(wanted["model"])
    said = said_in(wanted["messages"], "messages", services().clock.now_iso())
    text = messages.checked_text(said.contents, "messages")
    session_id = session_of_body(messages.new_session_id())
    model = Chat(session_id, {}, app).model(None)
    message = TurnRequest(
        text=text,
        app=app.id,
        model=model,
        idempotency_key=idempotency_key(),
        body=messages.body_digest(app),
        response_format=messages.answer_format(app, model, response_format),
    )
    if services().runs.was_sent(session_id, message):
        accepted = start_turn(session_id, message)
    else:
        with provisional(session_id, said, is_temporary=True):
            accepted = start_turn(session_id, message, messages.stored_attachments(session_id, said.contents))
    return OpenTurn(services(), session_id, accepted.run_id, is_temporary=True)
