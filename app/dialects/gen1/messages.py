"""Translation out: a session's messages and events as gen-1 clients read them."""

from __future__ import annotations

from typing import Any

from app import exact_json
from app.events.sse import Event
from app.state.open_requests import PENDING, TRANSACTION, TYPED_DATA, last_number, open_requests, pending
from app.state.session_fields import Fields, session_user_state
from app.state.sessions import Snapshot
from app.state.transcript import Message

NO_RESPONSE = "(no response)"

SENDERS = {"user": "user", "system": "system", "assistant": "agent", "error": "agent"}


def messages(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Every turn's messages; a turn that is over ends with an agent's message that is not empty."""
    turns = _turns(snapshot.messages)
    over = len(turns) - snapshot.waiting - snapshot.running
    shown: list[dict[str, Any]] = []
    for place, turn in enumerate(turns):
        said = [part for message in turn for part in _parts(message)]
        if place < over:
            said += _closing(said, turn)
        elif place == over and snapshot.running:
            _mark_streaming(said)
        shown += said
    return shown


def full_user_state(session: Fields) -> dict[str, Any]:
    """The user state with the server's part, which is there also when it is empty: a client may keep what it knew."""
    empty: dict[str, Any] = {name: {} for name in PENDING.values()}
    return session_user_state(session) | empty | {"next_id": last_number(session) + 1} | pending(session)


def system_events(events: list[Event], session: Fields) -> list[dict[str, Any]]:
    """Events of a session's mailbox; a request that is over is not told of any more."""
    is_open = {asked.id for asked in open_requests(session)}
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
    """A message of text alone."""
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
    """The messages by turn; a person's message, or their client's answer, begins one."""
    turns: list[list[Message]] = []
    for message in stored:
        if message["role"] in ("user", "system") or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns


def _parts(message: Message) -> list[dict[str, Any]]:
    """One stored message as one of text and one for each tool result. Later steps of a tool are the system's: they may
    come when the turn is over, whose last word stays the agent's."""
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


def _closing(said: list[dict[str, Any]], turn: list[Message]) -> list[dict[str, Any]]:
    """What a turn without a last word gets."""
    agents = [part for part in said if part["sender"] == "agent"]
    if agents and agents[-1]["content"]:
        return []
    return [plain("agent", NO_RESPONSE, turn[-1]["created_at"])]


def _mark_streaming(said: list[dict[str, Any]]) -> None:
    if said[-1]["sender"] == "agent" and said[-1]["tool_result"] is None:
        said[-1]["is_streaming"] = True
