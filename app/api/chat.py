"""Chat: accept a message and stream its answer; resume the stream of an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from app.catalog import App
from app.errors import BadRequest, Conflict, NotFound
from app.events import sse
from app.events.types import ChatEvent
from app.openapi.declare import (
    APP,
    IDS,
    KNOWN_SESSION,
    LAST_EVENT_ID,
    REASONING,
    SESSION,
    STARTING_AFTER,
    Events,
    Parameter,
    RouteSpec,
    body,
    documented,
    query,
)
from app.openapi.schemas import responses
from app.openapi.schemas.answers import Answers
from app.openapi.schemas.requests import NewMessage, Regeneration, ResponseFormat
from app.state.turns.turn_requests import Accepted, BranchPoint, TurnRequest
from app.web import parsing
from app.web.bodies import json_body, validated
from app.web.current import services
from app.web.messages.answer_format import check_format
from app.web.messages.answering import answer_calls, call_answer, check_answers
from app.web.messages.branch_points import check_regeneration, edited_message, regeneration
from app.web.messages.client_tools import allowed_tools
from app.web.messages.turn_start import Chat, Message, chat_of, idempotency_key, start_ahead
from app.web.streaming.stream_slots import opens_stream
from app.web.streaming.streams import stream
from app.web.streaming.turn_frames import TurnFrames

bp = Blueprint("chat", __name__)

STREAM = Events(ChatEvent, {"Location": "The address of this stream, to resume it"})

_KEY_SCHEMA = {"type": "string", "maxLength": parsing.IDEMPOTENCY_KEY_CHARACTERS}
_IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key", "header", "A new one for each message, kept for its retries.", _KEY_SCHEMA
)
_PREFER = Parameter(
    "Prefer", "header", "`respond-async` answers 202 at once, with the ids of the turn, instead of its stream."
)
_WAITING_TURN = RouteSpec((Parameter("run_id", "query", "A turn that waits.", required=True),), (409,))
_BUSY = RouteSpec((_IDEMPOTENCY_KEY, _PREFER), (400, 402, 409, 429))


@bp.post("/api/chat")
@documented(
    STREAM,
    SESSION,
    APP,
    IDS,
    REASONING,
    _BUSY,
    body(NewMessage | Regeneration | Answers),
    no_content="The message was answered before, and its events are no longer kept",
    accepted=responses.AcceptedTurn,
)
@opens_stream
def send() -> ResponseReturnValue:
    """Accept a message and stream the answer to it, or `answers` to calls that wait, and stream how the turn goes on.
    Hanging up does not stop it: see /api/interrupt."""
    session_id = parsing.session_id()
    sent = _authorized_body(session_id)
    if sent.get("answers") is not None:
        return _answer(sent)
    accepted = start_ahead(session_id, lambda chat: _turn_request(chat, sent))
    if accepted.outcome == "again":
        return _sent_again(session_id, accepted.run_id)
    return _begun(session_id, accepted)


@bp.get("/api/chat")
@documented(
    STREAM,
    KNOWN_SESSION,
    LAST_EVENT_ID,
    STARTING_AFTER,
    IDS,
    REASONING,
    query("run_id", "A turn, as in `Location`."),
    no_content="The session has no turn, or the client has seen its end",
)
@opens_stream
def resume() -> ResponseReturnValue:
    """Replay the current or last turn after an event, then follow it live. 204 when there is nothing to send."""
    session_id, session = parsing.known_session()
    last_id = request.headers.get("Last-Event-ID") or request.args.get("starting_after") or ""
    after = parsing.event_number_of(last_id, "Last-Event-ID or starting_after") if last_id else 0
    named = last_id.rpartition(":")[0] or request.args.get("run_id", "")
    return _resumed(session_id, named or session.get("last_run", ""), after, is_named=bool(named))


@bp.delete("/api/chat")
@documented(responses.Withdrawn, KNOWN_SESSION, _WAITING_TURN)
def withdraw() -> ResponseReturnValue:
    """Withdraw a message that has not begun: it leaves the history, and no model gets it. Its stream ends as an
    interrupted one."""
    session_id, _ = parsing.known_session()
    run_id = request.args.get("run_id")
    if not run_id:
        raise BadRequest("'run_id' must name a turn, as in `waiting` of /api/state")
    outcome = services().turns.withdraw(session_id, run_id)
    if outcome == "unknown":
        raise NotFound("There is no such turn in this session; `waiting` of /api/state lists those that wait")
    if outcome == "begun":
        raise Conflict("This message has begun; POST /api/interrupt stops its turn")
    return jsonify(withdrawn=True)


def _authorized_body(session_id: str) -> dict[str, Any]:
    """The JSON object of the body, which says whether a key for the session's app is needed: one that cannot be read
    needs it. Raises `BadRequest`, and what `chat_of` raises."""
    try:
        return json_body()
    except BadRequest:
        chat_of(session_id)
        raise


def _answer(body: dict[str, Any]) -> ResponseReturnValue:
    """Answers to calls that wait: the turn that goes on, or which of its calls have no answer yet. They need a key for
    that turn's app, whatever the session's is now."""
    session_id, _ = parsing.known_session()
    check_answers(body)
    sent = validated(Answers, body)
    answers = [call_answer(one) for one in sent["answers"]]
    accepted = answer_calls(session_id, answers, sent.get("thread_id"), idempotency_key(), request.get_data())
    if accepted.outcome == "again":
        return _sent_again(session_id, accepted.run_id)
    if accepted.outcome == "kept":
        return _located(session_id, accepted.run_id, TurnFrames.of(services()).waiting(accepted.awaiting))
    return _begun(session_id, accepted)


def _begun(session_id: str, accepted: Accepted) -> ResponseReturnValue:
    """The stream of a turn that was accepted, or its ids if the client prefers not to wait."""
    if parsing.prefers_async():
        return _turn_ids(session_id, accepted.run_id, accepted.thread_id)
    return _stream(session_id, accepted.run_id, 0)


def _turn_ids(session_id: str, run_id: str, thread_id: str) -> Response:
    response = jsonify(session_id=session_id, run_id=run_id, thread_id=thread_id)
    response.status_code = 202
    response.headers["Location"] = _address(session_id, run_id)
    response.headers["Preference-Applied"] = parsing.RESPOND_ASYNC
    return response


def _sent_again(session_id: str, run_id: str) -> ResponseReturnValue:
    """The turn of a message that was sent before, from the event on that the client has seen last."""
    if parsing.prefers_async() and (run := services().runs.get(session_id, run_id)):
        return _turn_ids(session_id, run_id, run.thread_id)
    last_id = request.headers.get("Last-Event-ID", "")
    of_this_turn = last_id.rpartition(":")[0] in ("", run_id)
    after = parsing.event_number_of(last_id, "Last-Event-ID") if last_id and of_this_turn else 0
    return _resumed(session_id, run_id, after, is_named=True)


def _resumed(session_id: str, run_id: str, after: int, *, is_named: bool) -> ResponseReturnValue:
    """The turn's stream after number `after`; 204 if it is not kept, or if that event was its end.

    If the log has no such number: of a turn that the client named, it has lost events and the client keeps its place;
    otherwise the number belongs to an earlier turn.
    """
    run = services().runs.get(session_id, run_id)
    last_seen = services().runs.event(session_id, run_id, after) if run and after else None
    if run is None or (last_seen and last_seen.kind in sse.TERMINAL):
        return "", 204
    if after and last_seen is None and is_named and run.terminal:
        return _located(session_id, run_id, TurnFrames.of(services()).end(run, _wants_ids()))
    return _stream(session_id, run_id, after if last_seen or is_named else 0)


def _turn_request(chat: Chat, sent: dict[str, Any]) -> Message:
    """The message, and its attachments as they were sent. Raises `BadRequest`."""
    if not (sent.get("regenerate") is None or sent["regenerate"] is False):
        check_regeneration(sent)
        again = validated(Regeneration, sent)
        return _request(chat, again, branch=regeneration(again)), []
    message = validated(NewMessage, sent)
    message_id, branch = message.get("message_id") or "", edited_message(message)
    own = _request(chat, message, text=message["text"], message_id=message_id, branch=branch)
    return own, message.get("attachments", [])


def _request(
    chat: Chat, sent: NewMessage | Regeneration, *, branch: BranchPoint | None, text: str = "", message_id: str = ""
) -> TurnRequest:
    app, chosen = chat.app, chat.model(sent.get("model"))
    return TurnRequest(
        text=text,
        app=app.id,
        model=chosen,
        thread_id=sent.get("thread_id"),
        user_state=sent.get("user_state"),
        on_busy=sent.get("on_busy", "enqueue"),
        branch=branch,
        message_id=message_id,
        idempotency_key=idempotency_key(),
        body=app.id.encode() + b" " + request.get_data(),
        response_format=_answer_format(app, chosen, sent.get("response_format")),
        client_tools=allowed_tools(app, sent.get("tools", [])),
        keeps_facts=sent.get("usage", False),
    )


def _answer_format(app: App, model: str, wanted: ResponseFormat | None) -> dict[str, Any] | None:
    """The form of an answer that is not plain text. Raises `BadRequest` if the model cannot answer in it."""
    if wanted is None or wanted["type"] == "text":
        return None
    check_format(app, model, wanted)
    return dict(wanted)


def _stream(session_id: str, run_id: str, after: int) -> Response:
    """The turn's frames after number `after`."""
    follow = TurnFrames.of(services()).follow
    frames = follow(session_id, run_id, after, with_ids=_wants_ids(), with_reasoning=parsing.wants_reasoning())
    return _located(session_id, run_id, frames)


def _located(session_id: str, run_id: str, frames: Iterator[bytes]) -> Response:
    """A response of these frames, with the address that resumes it."""
    response = stream(frames)
    response.headers["Location"] = _address(session_id, run_id)
    return response


def _address(session_id: str, run_id: str) -> str:
    """Where the turn's stream is resumed."""
    return f"{request.root_path}{request.path}?{urlencode({'session_id': session_id, 'run_id': run_id})}"


def _wants_ids() -> bool:
    return request.args.get("ids") == "1" or "Last-Event-ID" in request.headers
