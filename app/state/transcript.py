"""A turn's log read as messages: the one rule by which events become history.

The same fold makes the partial text of a running turn in /api/state, the history of an ended turn, whichever process
ended it, and so the model's next prompt: what the client saw, what is stored and what the model sees cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.events.sse import Event

Message = dict[str, Any]

INTERRUPTED = {"error": "interrupted"}
"""The result of a tool call that was open when its turn ended."""


def message(message_id: str, role: str, content: str, created_at: str) -> Message:
    """A message that is no model's reply: what a person wrote (`user`), their client's reply to a request (`system`),
    or why a turn failed (`error`)."""
    return {"id": message_id, "role": role, "content": content, "created_at": created_at}


def step_message(message_id: str, event: Event, created_at: str) -> Message:
    """The message of a multi-step tool's later step, made of its `async_tool_result` event."""
    result = {name: value for name, value in event.items() if name != "type"}
    return {
        "id": message_id,
        "role": "tool",
        "content": "",
        "created_at": created_at,
        "tool_results": [result],
    }


def fold(run_id: str, events: Iterable[Event], created_at: str) -> list[Message]:
    """The messages of a turn: one for each model reply, with its tool calls and their results, and one for each later
    step of a multi-step tool, in order. A reply begins with the first text, thought or call after tool results."""
    messages: list[Message] = []
    reply: Message | None = None
    for event in events:
        kind = event["type"]
        if kind in ("text", "tool_call", "reasoning"):
            if reply is None or reply.get("tool_results"):
                reply = message(f"{run_id}-{len(messages)}", "assistant", "", created_at)
                messages.append(reply)
            _extend(reply, event)
        elif kind == "tool_result" and reply is not None:
            reply.setdefault("tool_results", []).append(_without_type(event))
        elif kind == "async_tool_result":
            messages.append(step_message(f"{run_id}-{len(messages)}", event, created_at))
    return [one for one in messages if one["content"] or "tool_calls" in one or "tool_results" in one]


def for_clients(messages: list[Message]) -> list[Message]:
    """The messages of a thread for a client: no notes of failures, and no reasoning."""
    return [
        {name: value for name, value in one.items() if name != "reasoning"}
        for one in messages
        if one["role"] != "error"
    ]


def refusal_note(run_id: str, content: str, created_at: str, message_id: str) -> Message:
    """Why a turn failed that was refused: its message, and what came of it, is not sent to a model again."""
    return message(f"{run_id}-error", "error", content, created_at) | {"refused": message_id}


def for_models(messages: list[Message]) -> list[Message]:
    """The messages of a thread for a model: all but notes of failures, and turns that a filter refused."""
    said = [one for one in messages if one["role"] != "error"]
    refused = {one["refused"]: one["id"].removesuffix("error") for one in messages if "refused" in one}
    if not refused:
        return said
    runs = tuple(refused.values())
    return [one for one in said if one["id"] not in refused and not one["id"].startswith(runs)]


def unanswered_tool_calls(messages: list[Message]) -> list[dict[str, Any]]:
    """The tool calls that have no result yet."""
    calls = []
    for message in messages:
        results = {result["call_id"] for result in message.get("tool_results", ())}
        calls += [call for call in message.get("tool_calls", ()) if call["call_id"] not in results]
    return calls


def _extend(reply: Message, event: Event) -> None:
    if event["type"] == "text":
        reply["content"] += event["content"]
    elif event["type"] == "reasoning":
        reply["reasoning"] = _without_type(event)
    else:
        reply.setdefault("tool_calls", []).append(_without_type(event))


def _without_type(event: Event) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "type"}
