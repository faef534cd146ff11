"""From the body of POST /v1/responses to its turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.catalog import App
from app.dialects.openai.requests import messages
from app.dialects.openai.requests.call_answers import are_answers, go_on
from app.dialects.openai.requests.conversation_input import Said, said_in
from app.dialects.openai.requests.params import check_params
from app.dialects.openai.requests.placement import Placement, placement_of, start_behind
from app.dialects.openai.requests.provisional import provisional
from app.dialects.openai.schemas import NewResponse
from app.errors import BadRequest
from app.state.responses.public_ids import PublicTurn
from app.state.turns.turn_requests import Accepted, TurnRequest
from app.web.access.caller import authorized_app
from app.web.bodies import validated
from app.web.current import services
from app.web.messages.client_tools import allowed_tools, tools_of
from app.web.messages.turn_start import Chat, idempotency_key


@dataclass(frozen=True)
class Created:
    """A turn that was started for a response. `is_temporary`: its session goes with the request (`store: false`)."""

    turn: PublicTurn
    is_temporary: bool


def create(sent: Mapping[str, Any]) -> Created:
    """Start the turn of a response. Raises as `start_turn`; then nothing has changed."""
    check_params(sent, takes_tools=True)
    wanted = validated(NewResponse, dict(sent))
    app = authorized_app(wanted["model"])
    place = placement_of(sent, messages.new_session_id())
    if are_answers(wanted["input"]):
        accepted = go_on(place, wanted["input"], messages.body_digest(app))
    else:
        accepted = _answered(app, place, wanted)
    turn = PublicTurn(place.session_id, accepted.run_id, _thread_of(place, accepted))
    return Created(turn, is_temporary=wanted.get("store") is False)


def _answered(app: App, place: Placement, wanted: NewResponse) -> Accepted:
    """Start the turn of a message."""
    said = said_in(wanted["input"], "input", services().clock.now_iso())
    text = messages.checked_text(said.contents, "input")
    is_temporary = wanted.get("store") is False
    _check_combination(wanted, place, said, is_temporary)
    return _started(place, _message(app, place, text, wanted), said, is_temporary)


def _check_combination(sent: NewResponse, place: Placement, said: Said, is_temporary: bool) -> None:
    if said.history and not place.is_new:
        raise BadRequest("'input' must hold the user's new message alone: the history is kept here")
    if is_temporary and not place.is_new:
        raise BadRequest("'store' cannot be false for a response that follows others")
    if is_temporary and sent.get("tools"):
        raise BadRequest("'store' cannot be false for a response with 'tools': their outputs go to the response")
    if is_temporary and sent.get("background"):
        raise BadRequest("'store' cannot be false for a response in the background")


def _message(app: App, place: Placement, text: str, wanted: NewResponse) -> TurnRequest:
    session = {} if place.is_new else services().sessions.get(place.session_id) or {}
    model = Chat(place.session_id, session, app).model(None)
    tools = tools_of(wanted.get("tools"))
    return TurnRequest(
        text=text,
        app=app.id,
        model=model,
        idempotency_key=idempotency_key(),
        body=messages.body_digest(app),
        response_format=messages.answer_format(app, model, _format(_text_format(wanted))),
        client_tools=allowed_tools(app, tools),
        note=_note(app, place, wanted, [tool["name"] for tool in tools]),
    )


def _text_format(wanted: NewResponse) -> dict[str, Any] | None:
    return (wanted.get("text") or {}).get("format")


def _format(wanted: Any) -> Any:
    """A `text.format` as a `response_format` of chat completions, which has the schema one level deeper."""
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        return wanted
    schema = {name: value for name, value in wanted.items() if name != "type"}
    return {"type": "json_schema", "json_schema": schema}


def _note(app: App, place: Placement, wanted: NewResponse, functions: list[str]) -> dict[str, Any]:
    """The part of the request that GET /v1/responses shows."""
    found = {
        "app": app.id,
        "previous": place.previous_response_id,
        "conversation": place.conversation,
        "background": wanted.get("background") or None,
        "temporary": True if wanted.get("store") is False else None,
        "metadata": wanted.get("metadata") or None,
        "format": _text_format(wanted),
        "functions": functions or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _started(place: Placement, message: TurnRequest, said: Said, is_temporary: bool) -> Accepted:
    """Start the turn, unless the message was accepted before: then its files are not stored again."""
    if services().runs.was_sent(place.session_id, message):
        return start_behind(place, message, [])
    if not place.is_new:
        return start_behind(place, message, messages.stored_attachments(place.session_id, said.contents))
    with provisional(place.session_id, said, is_temporary=is_temporary):
        return start_behind(place, message, messages.stored_attachments(place.session_id, said.contents))


def _thread_of(place: Placement, accepted: Accepted) -> str:
    """The thread of a turn; of one that was accepted before, that of its record, or the session's newest."""
    if accepted.thread_id:
        return accepted.thread_id
    kept = services().runs.thread_of(place.session_id, accepted.run_id)
    if kept:
        return kept
    snapshot = services().sessions.histories.snapshot(place.session_id, None, whole=False)
    return (snapshot.thread_id if snapshot else None) or ""
