"""A turn's log read as messages: the one rule by which events become history.

The same fold makes the partial text of a running turn in /api/state, the history of an ended turn, whichever process
ended it, and so the model's next prompt: what the client saw, what is stored and what the model sees cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from app import exact_json
from app.events.sse import Event

Message = dict[str, Any]

_INTERNAL = frozenset(
    {"reasoning", "thoughts", "structured", "client_id", "note", "copy_of", "trace", "app", "keeps_facts", "turn"}
)
"""Fields of stored messages that clients get in another form, or not at all."""

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
    return [one for one in messages if "thoughts" in one or not _is_empty(one)]


def with_origin(messages: list[Message], app: str, traceparent: str) -> list[Message]:
    """The messages of a turn, replies with its app and the `traceparent` that it came from, if it has one: feedback may
    come when the turn's record is gone."""
    origin = ({"trace": traceparent} if traceparent else {}) | {"app": app}
    return [{"id": one["id"]} | origin | one if one["role"] == "assistant" else one for one in messages]


def mark_interrupted(messages: list[Message]) -> None:
    """Mark the last message of a turn that was interrupted, and the last one that every client gets."""
    for one in (messages[-1:], [said for said in messages if not _is_empty(said)][-1:]):
        for last in one:
            last["interrupted"] = True


def mark_structured(messages: list[Message]) -> None:
    """Mark the answer of a turn that was asked for JSON and came to its end."""
    if messages and messages[-1]["role"] == "assistant":
        messages[-1]["structured"] = True


def client_id(message: Message) -> str:
    """The id of a message as clients know it: their own one if they gave one."""
    own: str = message.get("client_id") or message["id"]
    return own


def is_step(message: Message) -> bool:
    """Whether a message is a later step of a multi-step tool."""
    return bool(message["role"] == "tool")


def is_shown(message: Message, *, with_reasoning: bool = False) -> bool:
    """Whether clients get a message: no note of a failure, and thoughts alone only `with_reasoning`. (`is_shown` in
    lua/branches.lua is the same.)"""
    return message["role"] != "error" and (with_reasoning or not _is_empty(message))


def for_clients(messages: list[Message], *, with_reasoning: bool = False) -> list[Message]:
    """The messages of a thread for a client: no notes of failures. `with_reasoning` some have `reasoning`, the text of
    what the model thought; otherwise a message that has nothing else is left out."""
    said = [one for one in messages if is_shown(one, with_reasoning=with_reasoning)]
    return [_for_client(one, shown_reasoning(one) if with_reasoning else "") for one in said]


def _for_client(message: Message, reasoning: str) -> Message:
    shown = {name: value for name, value in message.items() if name not in _INTERNAL} | {"id": client_id(message)}
    if not message.get("tool_results", True):
        del shown["tool_results"]  # its calls wait for a person
    parsed = _object_in(message["content"]) if "structured" in message else None
    return shown | ({"reasoning": reasoning} if reasoning else {}) | ({"parsed": parsed} if parsed is not None else {})


def _object_in(text: str) -> dict[str, Any] | None:
    """The JSON object that the text is, None if it is none."""
    try:
        found = exact_json.loads(text)
        exact_json.checked(found)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def shown_reasoning(message: Message) -> str:
    """The text of the model's thoughts as clients may read it."""
    kept = message.get("reasoning", {})
    return message.get("thoughts") or (_text_of(kept) if kept.get("shown") else "")


def _text_of(kept: dict[str, Any]) -> str:
    return "".join(block.get("text", "") for block in kept["blocks"])


def _is_empty(message: Message) -> bool:
    """Whether it has nothing but thoughts."""
    return not (message["content"] or "tool_calls" in message or "tool_results" in message)


def refusal_note(runs: Sequence[str], content: str, created_at: str, message_id: str) -> Message:
    """Why a turn failed that was refused: its message, and what came of it in these `runs`, the last of which failed,
    is not sent to a model again."""
    earlier = {"runs": list(runs[:-1])} if runs[1:] else {}
    return message(f"{runs[-1]}-error", "error", content, created_at) | {"refused": message_id} | earlier


def for_models(messages: list[Message]) -> list[Message]:
    """The messages of a thread for a model: all but notes of failures, thoughts alone, and turns that a filter
    refused."""
    said = [one for one in messages if one["role"] != "error" and not _is_empty(one)]
    notes = [one for one in messages if "refused" in one]
    if not notes:
        return said
    refused = {one["refused"] for one in notes}
    runs = tuple(f"{run_id}-" for one in notes for run_id in (one["id"].removesuffix("-error"), *one.get("runs", ())))
    return [one for one in said if one["id"] not in refused and not one["id"].startswith(runs)]


def leading_results(events: Iterable[Event]) -> list[dict[str, Any]]:
    """The results with which a turn goes on: those before its first reply. They belong to a message before it."""
    results = []
    for event in events:
        if event["type"] in ("text", "tool_call", "reasoning"):
            break
        if event["type"] == "tool_result":
            results.append(_without_type(event))
    return results


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
        _add_reasoning(reply, event)
    else:
        reply.setdefault("tool_calls", []).append(_without_type(event))


def _add_reasoning(reply: Message, event: Event) -> None:
    """Thoughts as clients got them, or all that the provider wants back. Where the one is the text of the other, it is
    kept once."""
    if "content" in event:
        reply["thoughts"] = reply.get("thoughts", "") + event["content"]
        return
    reply["reasoning"] = _without_type(event)
    if "thoughts" in reply and reply["thoughts"] == _text_of(reply["reasoning"]):
        reply["reasoning"]["shown"] = True
        del reply["thoughts"]


def _without_type(event: Event) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "type"}
