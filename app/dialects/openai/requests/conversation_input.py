"""The message of a client, and the history before it: the `input` of Responses, the `messages` of chat completions.

The last messages of the user are what is said now; all before them is history. Words of `system` and `developer` stay
words of the client: the app has its own instructions, which no client replaces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app import exact_json
from app.dialects.openai.requests.contents import Contents, contents_of
from app.errors import BadRequest
from app.state.conversation import transcript
from app.state.conversation.transcript import Message
from app.state.ids import new_id

_USERS = frozenset({"user", "system", "developer"})


@dataclass(frozen=True)
class Said:
    """The message that the user sends now, behind a `history` as sessions keep it, the oldest message first."""

    contents: Contents
    history: list[Message] = field(default_factory=list)


def said_in(value: Any, name: str, now: str) -> Said:
    """Out of a text, or of a list of messages and other items. Raises `BadRequest`, which names the field `name`."""
    if isinstance(value, str):
        return Said(Contents(value))
    if not isinstance(value, list) or not value or not all(isinstance(entry, dict) for entry in value):
        raise BadRequest(f"{name!r} must be a list of messages, the last one of the user")
    last = max((place for place, entry in enumerate(value) if not _is_users(entry)), default=-1)
    if last == len(value) - 1:
        raise BadRequest(f"{name!r} must end with a message of the user")
    contents = Contents("")
    for entry in value[last + 1 :]:
        contents += contents_of(entry.get("content"), name)
    return Said(contents, history_of(value[: last + 1], name, now))


def history_of(entries: Sequence[Mapping[str, Any]], name: str, now: str) -> list[Message]:
    """Messages and other items as sessions keep them. Raises `BadRequest`, which names the field `name`."""
    history = _History(name, now)
    for entry in entries:
        history.add(entry)
    return history.messages


class _History:
    """Messages as sessions keep them, made of what a client sends."""

    def __init__(self, name: str, now: str) -> None:
        self.messages: list[Message] = []
        self._name = name
        self._now = now

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add a message, a call or a result. Raises `BadRequest`."""
        kind = entry.get("type", "message")
        if kind in ("reasoning", "item_reference"):
            return
        if _is_users(entry):
            contents = self._plain(entry)
            role = "user" if entry["role"] == "user" else "system"
            self.messages.append(transcript.message(new_id("msg"), role, contents, self._now))
        elif kind == "message" and entry.get("role") == "assistant":
            self._add_reply(entry)
        elif kind == "message" and entry.get("role") == "tool":
            self._add_result(entry.get("tool_call_id"), entry.get("content"))
        elif kind in ("function_call", "mcp_call"):
            self._add_call(entry.get("call_id") or entry.get("id"), entry)
            if kind == "mcp_call":
                self._add_result(entry.get("id"), entry.get("output") or entry.get("error") or "")
        elif kind == "function_call_output":
            self._add_result(entry.get("call_id"), entry.get("output"))
        else:
            raise BadRequest(f"{self._name!r} has an item that is not taken here: it may have messages and tool calls")

    def _add_reply(self, entry: Mapping[str, Any]) -> None:
        text = self._plain(entry) if entry.get("content") else ""
        self.messages.append(transcript.message(new_id("msg"), "assistant", text, self._now))
        calls = entry.get("tool_calls") or []
        if not isinstance(calls, list):
            raise BadRequest(f"{self._name!r} has 'tool_calls' that are no list")
        for call in calls:
            if not isinstance(call, dict) or not isinstance(call.get("function"), dict):
                raise BadRequest(f"{self._name!r} has a tool call without its function")
            self._add_call(call.get("id"), call["function"])

    def _add_call(self, call_id: Any, function: Mapping[str, Any]) -> None:
        name, arguments = function.get("name"), function.get("arguments")
        if not (isinstance(call_id, str) and isinstance(name, str) and isinstance(arguments, str)):
            raise BadRequest(f"{self._name!r} has a tool call without its id, its name or its arguments")
        try:
            args = exact_json.strict(arguments.encode() or b"{}")
        except ValueError:
            args = None
        if not isinstance(args, dict):
            raise BadRequest(f"{self._name!r} has a tool call whose arguments are no JSON object")
        if not self.messages or self.messages[-1]["role"] != "assistant" or "tool_results" in self.messages[-1]:
            self.messages.append(transcript.message(new_id("msg"), "assistant", "", self._now))
        self.messages[-1].setdefault("tool_calls", []).append({"call_id": call_id, "name": name, "args": args})

    def _add_result(self, call_id: Any, result: Any) -> None:
        for message in reversed(self.messages):
            for call in message.get("tool_calls", ()):
                if call["call_id"] == call_id:
                    text = result if isinstance(result, str) else contents_of(result, self._name).text
                    found = {"call_id": call_id, "name": call["name"], "result": text}
                    message.setdefault("tool_results", []).append(found)
                    return
        raise BadRequest(f"{self._name!r} has a result of a tool call that is not in front of it")

    def _plain(self, entry: Mapping[str, Any]) -> str:
        """Images and files of earlier messages are left out."""
        return contents_of(entry.get("content"), self._name).text


def _is_users(entry: Mapping[str, Any]) -> bool:
    return entry.get("type", "message") == "message" and str(entry.get("role")) in _USERS
