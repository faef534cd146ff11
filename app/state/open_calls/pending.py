"""Calls that wait, as clients get them, and the updates that tell of their end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from app.events import sse
from app.events.types import AnswerOutcome, PendingCall
from app.state.conversation.transcript import Message
from app.state.open_calls.records import Asked, OpenCalls


def pending_call(call: Asked, args: dict[str, Any], expires_at: str) -> PendingCall:
    """A call that waits. `args` are those of the model; a call that asks a question is repeated with its own."""
    pending: PendingCall = {
        "call_id": call.call_id,
        "name": call.name,
        "args": args,
        "kind": call.kind,
        "expires_at": expires_at,
    }
    if call.question:
        pending["args"] = dict(call.question.args)
        pending |= cast(PendingCall, call.question.shown())
    return pending


def pending_calls(messages: Sequence[Message], open_calls: OpenCalls | None) -> list[PendingCall]:
    """The calls that wait in these messages. Those of another branch are left out."""
    if open_calls is None:
        return []
    asking = next((one for one in reversed(messages) if one["id"] == open_calls.message_id), None)
    if asking is None:
        return []
    args = {call["call_id"]: call["args"] for call in asking["tool_calls"]}
    return [pending_call(call, args[call.call_id], open_calls.expires_at) for call in open_calls.unanswered]


def answered_frames(turn: tuple[str, str, str], calls: Iterable[Asked], outcome: AnswerOutcome) -> dict[str, str]:
    """For each call the update that it does not wait any more. `turn` is the session, the thread and the run that
    asked."""
    return {
        call.call_id: sse.frame(sse.tool_answered(turn, call.call_id, call.name, outcome)).decode() for call in calls
    }
