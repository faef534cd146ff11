"""A message of the user in each dialect, and the form in which each dialect refuses a request."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode


@dataclass(frozen=True)
class Said:
    """A request with a message. `headers` are those that the dialect needs beside the key."""

    path: str
    body: dict[str, Any] | None
    headers: dict[str, str] = field(default_factory=dict)


Say = Callable[[str, str, str], Said]
"""Of a session (which the client of OpenAI's packages cannot name), a text and an app."""


@dataclass(frozen=True)
class Dialect:
    """`padded` adds a field of so many characters to a body, as a long history would."""

    name: str
    say: Say
    is_error: Callable[[Any], bool]
    padding: str = "rest"
    names_session: bool = True
    has_body: bool = True

    def padded(self, said: Said, characters: int) -> dict[str, Any]:
        return (said.body or {}) | {self.padding: "x" * characters}


def _native(session_id: str, text: str, app: str) -> Said:
    return Said(f"/api/chat?app={app}", {"text": text}, {"X-Session-Id": session_id})


def _gen1(session_id: str, text: str, app: str) -> Said:
    query = urlencode({"app": app, "message": text})
    return Said(f"/api/chat?{query}", None, {"X-Session-Id": session_id})


def _ai_sdk(session_id: str, text: str, app: str) -> Said:
    message = {"role": "user", "parts": [{"type": "text", "text": text}]}
    return Said(f"/ai/chat?app={app}", {"id": session_id, "messages": [message]})


def run_input(session_id: str, text: str) -> dict[str, Any]:
    """AG-UI's body of a message, each a run of its own."""
    message = {"id": str(uuid.uuid4()), "role": "user", "content": text}
    return {"threadId": session_id, "runId": str(uuid.uuid4()), "messages": [message]}


def _agui(session_id: str, text: str, app: str) -> Said:
    return Said(f"/agui/{app}", run_input(session_id, text))


def _copilotkit(session_id: str, text: str, app: str) -> Said:
    return Said(f"/copilotkit/agent/{app}/run", run_input(session_id, text))


def _single_endpoint(session_id: str, text: str, app: str) -> Said:
    call = {"method": "agent/run", "params": {"agentId": app}, "body": run_input(session_id, text)}
    return Said("/copilotkit", call)


def _responses(session_id: str, text: str, app: str) -> Said:
    return Said("/v1/responses", {"model": app, "input": text, "stream": True})


def _completions(session_id: str, text: str, app: str) -> Said:
    messages = [{"role": "user", "content": text}]
    return Said("/v1/chat/completions", {"model": app, "messages": messages, "stream": True})


def _is_native(error: Any) -> bool:
    return list(error) == ["error"] and isinstance(error["error"], str) and bool(error["error"])


def _is_agents(error: Any) -> bool:
    return sorted(error) == ["error", "message"] and error["error"] == error["message"] != ""


def _is_openais(error: Any) -> bool:
    return list(error) == ["error"] and sorted(error["error"]) == ["code", "message", "param", "type"]


DIALECTS = (
    Dialect("native", _native, _is_native),
    Dialect("gen-1", _gen1, _is_native, has_body=False),
    Dialect("AI SDK", _ai_sdk, _is_native),
    Dialect("AG-UI", _agui, _is_agents),
    Dialect("CopilotKit", _copilotkit, _is_agents),
    Dialect("CopilotKit, one path", _single_endpoint, _is_agents),
    Dialect("Responses", _responses, _is_openais, names_session=False),
    Dialect("chat completions", _completions, _is_openais, names_session=False),
)
