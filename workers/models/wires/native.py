"""The ends of replies on the wires of Gemini and Ollama, and the choice among all wires but OpenAI's. Text, calls and
thoughts are read by litellm's own iterators, which lose the reasons behind an end or make one up."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from workers.models.delta import Delta, Finish
from workers.models.wires import gemini_names
from workers.models.wires.anthropic import Anthropic
from workers.models.wires.responses import Responses

_BLOCKED = "prohibited_content"
_THINKS, _HAS_THOUGHT = "<think>", "</think>"

_IN_A_TAG = re.compile(r"(?<=<th)(?=ink>)|(?<=</th)(?=ink>)")
"""A place to split a tag, so that litellm takes it for text."""


class Gemini:
    """https://ai.google.dev/api/generate-content"""

    is_event_stream = True

    @staticmethod
    def knows(value: dict[str, Any]) -> bool:
        return bool({"candidates", "promptFeedback", "usageMetadata"} & value.keys())

    @staticmethod
    def events(value: dict[str, Any]) -> Iterable[dict[str, Any]]:
        return (value,)

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
            call["args"] = _object(call.get("args"))
        return [value]


def _object(args: Any) -> dict[str, Any]:
    """The arguments of a call; some servers write them as text."""
    with contextlib.suppress(ValueError, RecursionError):
        args = json.loads(args) if isinstance(args, str) else args
    return _dict(args)


def _gemini_calls(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    candidates = value.get("candidates")
    for candidate in candidates if isinstance(candidates, list) else ():
        parts = _dict(_dict(candidate).get("content")).get("parts")
        for part in parts if isinstance(parts, list) else ():
            if call := _dict(_dict(part).get("functionCall")):
                yield call


class Ollama:
    """https://github.com/ollama/ollama/blob/main/docs/api.md"""

    is_event_stream = False

    def __init__(self) -> None:
        self._thinks = self._has_answered = False

    @staticmethod
    def knows(value: dict[str, Any]) -> bool:
        return "done" in value and bool({"message", "response"} & value.keys())

    @staticmethod
    def events(value: dict[str, Any]) -> Iterable[dict[str, Any]]:
        return (value,)

    @staticmethod
    def facts(value: dict[str, Any]) -> Iterator[Delta]:
        if value.get("done") is True:
            yield Finish(str(value.get("done_reason") or "stop"))

    @staticmethod
    def is_end(value: dict[str, Any]) -> bool:
        return value.get("done") is True

    def pieces(self, value: dict[str, Any]) -> list[dict[str, Any]]:
        """The last value may have no message, and litellm breaks on it. The text may contain thoughts between tags:
        litellm removes the tags, but not the thoughts."""
        message = value.get("message")
        if not isinstance(message, dict):
            return [value if "response" in value else value | {"message": {"role": "assistant", "content": ""}}]
        text = message.get("content")
        if not isinstance(text, str):
            return [value]
        thought, answer = self._divided(text)
        *before, last = _IN_A_TAG.split(answer)
        told = {"content": last} | ({"thinking": str(message.get("thinking") or "") + thought} if thought else {})
        first = [value | {"done": False, "message": {"role": "assistant", "content": part}} for part in before]
        return [*first, value | {"message": message | told}] if before or last != text else [value]

    def _divided(self, text: str) -> tuple[str, str]:
        """The thoughts and the answer. Only the beginning of a reply contains thoughts; a tag in the answer is text."""
        if self._has_answered or not (self._thinks or text.lstrip().startswith(_THINKS)):
            self._has_answered = self._has_answered or bool(text.strip())
            return "", text
        thought, end, answer = (text if self._thinks else text.lstrip().removeprefix(_THINKS)).partition(_HAS_THOUGHT)
        self._thinks, self._has_answered = not end, bool(answer.strip())
        return thought, answer


NativeWire = Anthropic | Gemini | Ollama | Responses
"""`events` are the events of a value, which may be a whole reply; `facts` say how the reply ends; `pieces` are an event
as litellm may read it, from an event stream or from JSON on lines."""

WIRES: tuple[type[NativeWire], ...] = (Anthropic, Gemini, Responses, Ollama)


def wire_of(value: dict[str, Any]) -> NativeWire | None:
    """A reader of the wire that a stream's first value belongs to, None if it is none of these."""
    return next((wire() for wire in WIRES if wire.knows(value)), None)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
