"""The outputs of tools that the client has run, and a person's answers, in the `input` of a response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.dialects.openai.frames.items import item_id
from app.dialects.openai.requests.contents import contents_of
from app.dialects.openai.requests.placement import Placement
from app.errors import BadRequest, Conflict, NotFound
from app.openapi.schemas.answers import MOST_ANSWERS
from app.state.open_calls.records import CallAnswer
from app.state.turns.turn_requests import Accepted
from app.web.current import services
from app.web.messages.answering import answer_calls, call_answer
from app.web.messages.turn_start import idempotency_key

_OUTPUT, _APPROVAL = "function_call_output", "mcp_approval_response"
_KINDS = frozenset({_OUTPUT, _APPROVAL})


def are_answers(value: Any) -> bool:
    """Whether an `input` ends with an answer to a call, instead of a message."""
    last = value[-1] if isinstance(value, list) and value else None
    return isinstance(last, dict) and str(last.get("type")) in _KINDS


def go_on(place: Placement, entries: Any, body: bytes) -> Accepted:
    """Start the turn that goes on with answers. Raises as `answer_calls`, and `Conflict` if calls are left."""
    if place.is_new:
        raise BadRequest("'input' has outputs of calls, so 'previous_response_id' or 'conversation' must say whose")
    if any(str(entry.get("type")) not in _KINDS for entry in entries):
        raise BadRequest("'input' must hold outputs of calls alone, or messages alone: the history is kept here")
    if len(entries) > MOST_ANSWERS:
        raise BadRequest(f"'input' may have at most {MOST_ANSWERS} answers to calls, it has {len(entries)}")
    thread_id = place.behind.thread_id if place.behind else None
    answers = [_answer(place.session_id, thread_id, entry) for entry in entries]
    accepted = answer_calls(place.session_id, answers, thread_id, idempotency_key(), body)
    if accepted.outcome == "kept":
        left = ", ".join(accepted.awaiting)
        raise Conflict(f"'input' lacks the outputs of these calls: {left}; the others are kept, send the rest")
    return accepted


def _answer(session_id: str, thread_id: str | None, entry: Mapping[str, Any]) -> CallAnswer:
    if entry["type"] == _OUTPUT:
        output, call_id = entry.get("output"), entry.get("call_id")
        if not isinstance(call_id, str):
            raise BadRequest("'input' has an output without the 'call_id' that it belongs to")
        text = output if isinstance(output, str) else contents_of(output, "input").text
        return call_answer({"call_id": call_id, "result": text})
    if not isinstance(entry.get("approve"), bool):
        raise BadRequest("'input' has an approval without 'approve', true or false")
    reason = entry.get("reason") or ""
    if not isinstance(reason, str):
        raise BadRequest("'input' has an approval whose 'reason' is no text")
    call_id = _asked_call(session_id, thread_id, entry.get("approval_request_id"))
    return call_answer({"call_id": call_id, "approve": entry["approve"], "message": reason})


def _asked_call(session_id: str, thread_id: str | None, request_id: Any) -> str:
    """The call that an approval is about. Raises `NotFound`."""
    snapshot = services().sessions.histories.snapshot(session_id, thread_id, whole=False)
    open_calls = snapshot.open_calls if snapshot else None
    for call in open_calls.unanswered if open_calls else ():
        if open_calls and item_id("mcpr", open_calls.message_id, call.call_id) == request_id:
            return call.call_id
    raise NotFound("No call waits for this approval; it was answered, or has expired")
