"""How each provider is asked and answers: its address, where the user's text stands, its error bodies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from tests.models.cases_file import WIRES

SECRET = "secret-detail"
"""Stands in every error body; no client may ever see it."""

PATHS = {
    "openai": re.compile(r"/chat/completions"),
    "responses": re.compile(r"/v1/responses$"),
    "azure": re.compile(r"/openai/deployments/[\w.-]+/chat/completions\?.*api-version=.+"),
    "anthropic": re.compile(r"/v1/messages"),
    "gemini": re.compile(r"/models/[\w.-]+:streamGenerateContent\?.*alt=sse"),
    "ollama": re.compile(r"/api/chat"),
}
CONTENT_TYPES = {"ollama": "application/x-ndjson"}


def asks_for_a_stream(provider: str, path: str, body: dict[str, Any]) -> bool:
    """Whether the address is that of the provider's streams."""
    wire = WIRES[provider]
    return bool(PATHS[wire].search(path)) and (wire == "gemini" or body.get("stream") is True)


def last_user_text(provider: str, body: dict[str, Any]) -> str:
    """The text of the last message of the user that has one."""
    texts = [_text(content) for role, content, _ in _messages(provider, body) if role == "user"]
    return next((text for text in reversed(texts) if text), "")


def ends_in_results(provider: str, body: dict[str, Any]) -> bool:
    """Whether the last message holds results of tools alone: behind an interrupted turn the next text joins them."""
    if WIRES[provider] == "gemini":
        return all("functionResponse" in part for part in body["contents"][-1].get("parts") or ({},))
    if WIRES[provider] == "responses":
        return bool(body["input"][-1].get("type") == "function_call_output")
    last = body["messages"][-1]
    if WIRES[provider] == "anthropic":
        content = last["content"]
        return isinstance(content, list) and all(block["type"] == "tool_result" for block in content)
    return last["role"] == "tool"


def rounds(provider: str, body: dict[str, Any]) -> int:
    """How many replies with calls stand behind the last text of the user."""
    found = 0
    for role, content, calls in _messages(provider, body):
        if role == "user" and _text(content):
            found = 0
        found += bool(calls)
    return found


def error_body(provider: str, status: int, reason: str) -> Any:
    """A refusal in the provider's own form."""
    message = f"{reason} {SECRET}"
    if provider == "mistral":
        detail = {"detail": [{"type": "extra_forbidden", "msg": message}]} if status == 422 else message
        return {"object": "error", "message": detail, "type": "invalid_request_error", "param": None, "code": "3230"}
    if WIRES[provider] == "anthropic":
        return {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    if WIRES[provider] == "gemini":
        return {"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}}
    if WIRES[provider] == "ollama":
        return {"error": message}
    return {"error": {"message": message, "type": "invalid_request_error", "param": "messages", "code": None}}


def _messages(provider: str, body: dict[str, Any]) -> Iterator[tuple[str, Any, list[Any]]]:
    """Role, content and calls of each message."""
    if WIRES[provider] == "gemini":
        for content in body["contents"]:
            parts = content.get("parts") or []
            yield content.get("role", "user"), parts, [part for part in parts if "functionCall" in part]
        return
    if WIRES[provider] == "responses":
        for is_call, items in groupby(body["input"], lambda item: item["type"] == "function_call"):
            if is_call:
                yield "assistant", None, list(items)
            else:
                yield from ((item.get("role", "tool"), item.get("content"), []) for item in items)
        return
    for message in body["messages"]:
        content = message.get("content")
        uses = [block for block in content if block["type"] == "tool_use"] if isinstance(content, list) else []
        yield message["role"], content, uses + (message.get("tool_calls") or [])


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(str(part["text"]) for part in content or () if "text" in part)
