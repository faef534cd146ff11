"""Translation of responses: a session's messages and events in gen-1's form."""

from __future__ import annotations

from typing import Any

from app import exact_json
from app.events.sse import Event
from app.events.types import TRANSACTION, TYPED_DATA
from app.state.conversation.histories import Snapshot
from app.state.conversation.transcript import Message, unanswered_tool_calls
from app.state.open_calls.records import Asked, OpenCalls
from app.state.session_fields import Fields, session_user_state
from app.state.tools.open_requests import USER_STATE_FIELDS, last_number, open_requests, pending

NO_RESPONSE = "(no response)"

SENDERS = {"user": "user", "system": "system", "assistant": "agent", "error": "agent"}


def messages(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The messages of every turn. An ended turn ends with a non-empty message of the agent."""
    turns = _turns(snapshot.messages)
    ended = len(turns) - len(snapshot.joining()) - snapshot.running
    translated: list[dict[str, Any]] = []
    for index, turn in enumerate(turns):
        parts = [part for message in turn for part in _parts(message)]
        if index < ended:
            parts += _closing(parts, turn, snapshot.open_calls)
        elif index == ended and snapshot.running:
            _mark_streaming(parts)
        translated += parts
    return translated


def full_user_state(session: Fields) -> dict[str, Any]:
    """The user state with all fields of the server, also empty ones: otherwise a client may keep old values."""
    empty: dict[str, Any] = {name: {} for name in USER_STATE_FIELDS.values()}
    return session_user_state(session) | empty | {"next_id": last_number(session) + 1} | pending(session)


def system_events(events: list[Event], session: Fields) -> list[dict[str, Any]]:
    """Events of a session's mailbox, without requests that are no longer open."""
    is_open = {request.id for request in open_requests(session)}
    return [_system_event(event) for event in events if event["type"] == "system_notice" or event["id"] in is_open]


def _system_event(event: Event) -> dict[str, Any]:
    if event["type"] == "system_notice":
        return {"SystemNotice": event["message"]}
    kind = event["kind"]
    if kind == TRANSACTION:
        payload: dict[str, Any] = {"tx_ids": [event["id"]], "aa_preference": "auto"}
    elif kind == TYPED_DATA:
        payload = event["request"] | {"pending_eip712_id": event["id"]}
    else:
        payload = event["request"] | {"request_id": event["id"]}
    return {"InlineCall": {"type": kind, "payload": payload}}


def plain(sender: str, content: str, timestamp: str) -> dict[str, Any]:
    """A message with only text."""
    return _message(sender, content, timestamp, None)


def _message(sender: str, content: str, timestamp: str, tool_result: list[str] | None) -> dict[str, Any]:
    return {
        "sender": sender,
        "content": content,
        "timestamp": timestamp,
        "is_streaming": False,
        "tool_result": tool_result,
    }


def _turns(stored: list[Message]) -> list[list[Message]]:
    """The messages by turn. A message of the user, or a reply of their client, begins a turn."""
    turns: list[list[Message]] = []
    for message in stored:
        if message["role"] in ("user", "system") or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns


def _parts(message: Message) -> list[dict[str, Any]]:
    """A stored message as one message with text and one for each tool result. Later steps of a tool have the sender
    `system`: they may arrive after the turn, whose last message must remain the agent's."""
    role, at = message["role"], message["created_at"]
    sender = SENDERS.get(role, "system")
    parts = []
    if message["content"] or role in ("user", "system"):
        content = f"The turn failed: {message['content']}" if role == "error" else message["content"]
        parts.append(plain(sender, content, at))
    results = message.get("tool_results", ())
    return parts + [_message(sender, "", at, [result["name"], _text(result["result"])]) for result in results]


def _text(result: Any) -> str:
    return result if isinstance(result, str) else exact_json.dumps(result)


def _closing(parts: list[dict[str, Any]], turn: list[Message], open_calls: OpenCalls | None) -> list[dict[str, Any]]:
    """The message to add to a turn that ends without text of the agent. This dialect cannot answer what waits."""
    agents = [part for part in parts if part["sender"] == "agent"]
    if agents and agents[-1]["content"]:
        return []
    asked = {call.call_id: call for call in open_calls.calls} if open_calls else {}
    waiting = [(call["name"], asked.get(call["call_id"])) for call in unanswered_tool_calls(turn)]
    text = "\n".join(_waits(name, call) for name, call in waiting) or NO_RESPONSE
    return [plain("agent", text, turn[-1]["created_at"])]


def _waits(name: str, call: Asked | None) -> str:
    """The line that says why a call waits."""
    if call and call.question:
        return f"({name} asks: {call.question.message})"
    if call and call.kind == "client_tool":
        return f"(This waits for another client, which runs the tool: {name})"
    return f"(This waits for an approval: {name})"


def _mark_streaming(parts: list[dict[str, Any]]) -> None:
    if parts[-1]["sender"] == "agent" and parts[-1]["tool_result"] is None:
        parts[-1]["is_streaming"] = True
