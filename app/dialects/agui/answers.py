"""Calls that wait for a person: AG-UI's interrupts for those that are to be approved and for questions of MCP servers,
pending tool calls for those that the client runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app import exact_json
from app.dialects.agui import names
from app.dialects.agui.schemas import ResumeEntry, RunAgentInput, SentResult
from app.errors import BadRequest
from app.state.open_calls.records import Asked, CallAnswer, OpenCalls, Question
from app.state.turns.turn_requests import Accepted
from app.web.bodies import validated
from app.web.current import services
from app.web.messages.answering import answer_calls, call_answer
from app.web.messages.turn_start import Chat, idempotency_key

APPROVAL = "tool_approval"
"""The reason of an interrupt. CopilotKit takes the answer to a `tool_call` for the result of the call."""

QUESTION = "input_required"
"""The reason of an interrupt that is a question of an MCP server."""

RESPONSE = {
    "type": "object",
    "properties": {
        "approved": {"type": "boolean"},
        "editedArgs": {"type": "object"},
        "message": {"type": "string"},
    },
    "required": ["approved"],
}
"""The JSON schema of an answer to an interrupt."""

NO_ANSWER = f"The 'payload' of an answer must be such as {exact_json.dumps({'approved': True})}"


def outcome_of(open_calls: OpenCalls | None, *, speaks_1_0: bool) -> dict[str, Any]:
    """The outcome of a run that ended with these calls, those of them that still wait."""
    waiting = open_calls.unanswered if open_calls else ()
    if open_calls and (interrupts := [_interrupt(open_calls, call) for call in waiting if call.kind != "client_tool"]):
        return {"type": "interrupt", "interrupts": interrupts}
    pending = [names.tool_call(open_calls.message_id, call.call_id) for call in waiting] if open_calls else []
    return {"type": "success"} | ({"pendingToolCallIds": pending} if pending and speaks_1_0 else {})


def has_answers(sent: RunAgentInput) -> bool:
    """Whether a body answers calls instead of saying something."""
    return bool(sent.get("resume")) or bool(sent["messages"] and sent["messages"][-1].get("role") == "tool")


def answer(chat: Chat, sent: RunAgentInput) -> Accepted:
    """Answer the calls of a body: the turn that goes on, or `kept`. Raises `BadRequest`, and as `answer_calls`."""
    resumes, results = sent.get("resume") or [], list(_results(sent["messages"]))
    key, body = idempotency_key() or sent["runId"], exact_json.dump_bytes([resumes, results])
    if earlier := services().runs.earlier(chat.session_id, key, body):
        if earlier.outcome == "again":
            return earlier
        raise BadRequest("This runId belongs to another run; use a new one")
    named = [names.call_id(one["interruptId"]) for one in resumes] + [call_id for call_id, _ in results]
    asking = services().call_answers.turn_of(chat.session_id, None, named)
    calls = {call.call_id: call for call in asking.open_calls.unanswered}
    answers = [_resumed(one, calls.get(names.call_id(one["interruptId"]))) for one in resumes]
    known = {one.call_id for one in answers}
    answers += [
        call_answer({"call_id": call_id, "result": result})
        for call_id, result in results
        if call_id not in known and call_id in calls and calls[call_id].kind == "client_tool"
    ]
    return answer_calls(chat.session_id, answers, asking.thread_id, key, body)


def _interrupt(open_calls: OpenCalls, call: Asked) -> dict[str, Any]:
    tool_call_id = names.tool_call(open_calls.message_id, call.call_id)
    approval = {"reason": APPROVAL, "message": f"May {call.name} run?", "responseSchema": RESPONSE}
    asked = _question(call.question) if call.question else approval
    return {"id": tool_call_id, "toolCallId": tool_call_id, "expiresAt": open_calls.expires_at} | asked


def _question(question: Question) -> dict[str, Any]:
    """The fields of an interrupt that asks it. Its payload is the content of the answer."""
    fields = {"reason": QUESTION, "message": question.message, "responseSchema": question.form}
    return fields | ({"metadata": {"url": question.url}} if question.url else {})


def _results(messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Call and result of each tool message behind the last message of another kind. Those of the server's tools are
    among them."""
    for message in reversed(messages):
        if message.get("role") != "tool":
            return
        result = validated(SentResult, dict(message))
        failure = result.get("error")
        yield names.call_id(result["toolCallId"]), {"error": failure} if failure else _value_of(result["content"])


def _value_of(content: Any) -> Any:
    """The object or the list that a text is, else the text."""
    try:
        value = exact_json.loads(content) if isinstance(content, str) else content
    except ValueError:
        return content
    return value if isinstance(value, dict | list) else content


def _resumed(entry: ResumeEntry, call: Asked | None) -> CallAnswer:
    """The answer of an entry of `resume`. Raises `BadRequest`."""
    call_id, payload = names.call_id(entry["interruptId"]), entry.get("payload")
    if entry["status"] == "cancelled":
        return CallAnswer.no(call_id)
    if call and call.kind != "approval":
        return call_answer({"call_id": call_id, "result": payload})
    approval = {"approved": payload} if isinstance(payload, bool) else payload
    approved = approval.get("approved") if isinstance(approval, dict) else None
    if not isinstance(approval, dict) or not isinstance(approved, bool):
        raise BadRequest(NO_ANSWER)
    edited = approval.get("editedArgs")
    if not isinstance(edited, dict | None):
        raise BadRequest("'editedArgs' must be a JSON object: the arguments of the call")
    said = approval.get("message")
    return call_answer(
        {"call_id": call_id, "approve": approved, "args": edited, "message": said if isinstance(said, str) else ""}
    )
