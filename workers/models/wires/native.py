"""The ends of replies on the wires of Anthropic, Gemini, Ollama and OpenAI's Responses. Their text, calls and thoughts
are read by litellm's own iterators, which lose the reasons behind an end or make one up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from workers.models.delta import Delta, Finish
from workers.models.wires import gemini_names
from workers.models.wires.responses import Responses

_ANTHROPIC = frozenset(
    [
        *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
        *("message_delta", "message_stop", "ping"),
    ]
)
_BLOCKED = "prohibited_content"


class Anthropic:
    """https://docs.anthropic.com/en/api/messages-streaming"""

    def __init__(self) -> None:
        self._left_out: set[Any] = set()

    @staticmethod
    def knows(value: dict[str, Any]) -> bool:
        return value.get("type") in _ANTHROPIC

    @staticmethod
    def facts(value: dict[str, Any]) -> Iterator[Delta]:
        if reason := _dict(value.get("delta")).get("stop_reason"):
            yield Finish(str(reason))
        if value.get("type") == "message_stop":
            yield Finish("stop")

    @staticmethod
    def is_end(value: dict[str, Any]) -> bool:
        return value.get("type") == "message_stop"

    def pieces(self, value: dict[str, Any]) -> list[dict[str, Any]]:
        """A block may begin with all that it holds; litellm reads that of text blocks alone. To litellm a tool that the
        provider runs itself is a call, and a member that is null an error."""
        block = _dict(value.get("content_block"))
        if block.get("type") == "server_tool_use":
            self._left_out.add(value.get("index"))
        if "index" in value and value["index"] in self._left_out:
            return []
        if value.get("type") == "message_delta":
            return [
                {name: one for name, one in value.items() if one is not None} | {"delta": _dict(value.get("delta"))}
            ]
        if value.get("type") != "content_block_start":
            return [value]
        begun, deltas = _begun(block)
        if not deltas:
            return [value]
        more = [{"type": "content_block_delta", "index": value.get("index", 0), "delta": delta} for delta in deltas]
        return [value | {"content_block": block | begun}, *more]


def _begun(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A replacement for a block's beginning, and the deltas that bring its content."""
    if block.get("type") == "tool_use" and block.get("input"):
        return {"input": {}}, [{"type": "input_json_delta", "partial_json": _text_of(block["input"])}]
    deltas = []
    if block.get("type") == "thinking":
        if block.get("thinking"):
            deltas.append({"type": "thinking_delta", "thinking": block["thinking"]})
        if block.get("signature"):
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
    return {"thinking": "", "signature": ""}, deltas


def _text_of(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


class Gemini:
    """https://ai.google.dev/api/generate-content"""

    @staticmethod
    def knows(value: dict[str, Any]) -> bool:
        return bool({"candidates", "promptFeedback", "usageMetadata"} & value.keys())

    @staticmethod
    def facts(value: dict[str, Any]) -> Iterator[Delta]:
        value = gemini_names.response(value)
        if _dict(value.get("promptFeedback")).get("blockReason"):
            yield Finish(_BLOCKED)
        candidates = value.get("candidates")
        for candidate in candidates[:1] if isinstance(candidates, list) else ():
            if reason := _dict(candidate).get("finishReason"):
                yield Finish(str(reason))

    @staticmethod
    def is_end(value: dict[str, Any]) -> bool:
        return False

    @staticmethod
    def pieces(value: dict[str, Any]) -> list[dict[str, Any]]:
        """A call without parameters may come without `args`, one may lack its name: litellm breaks on either."""
        value = gemini_names.response(value)
        for call in _gemini_calls(value):
            call["name"] = str(call.get("name") or "")
            call["args"] = call["args"] if isinstance(call.get("args"), dict) else {}
        return [value]


def _gemini_calls(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    candidates = value.get("candidates")
    for candidate in candidates if isinstance(candidates, list) else ():
        parts = _dict(_dict(candidate).get("content")).get("parts")
        for part in parts if isinstance(parts, list) else ():
            if call := _dict(_dict(part).get("functionCall")):
                yield call


class Ollama:
    """https://github.com/ollama/ollama/blob/main/docs/api.md"""

    @staticmethod
    def knows(value: dict[str, Any]) -> bool:
        return "done" in value and bool({"message", "response"} & value.keys())

    @staticmethod
    def facts(value: dict[str, Any]) -> Iterator[Delta]:
        if value.get("done") is True:
            yield Finish(str(value.get("done_reason") or "stop"))

    @staticmethod
    def is_end(value: dict[str, Any]) -> bool:
        return value.get("done") is True

    @staticmethod
    def pieces(value: dict[str, Any]) -> list[dict[str, Any]]:
        """The last value may have no message, on which litellm breaks."""
        if isinstance(value.get("message"), dict) or "response" in value:
            return [value]
        return [value | {"message": {"role": "assistant", "content": ""}}]


NativeWire = Anthropic | Gemini | Ollama | Responses

WIRES: tuple[type[NativeWire], ...] = (Anthropic, Gemini, Responses, Ollama)


def wire_of(value: dict[str, Any]) -> NativeWire | None:
    """A reader of the wire that a stream's first value belongs to, None if it is none of these."""
    return next((wire() for wire in WIRES if wire.knows(value)), None)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
