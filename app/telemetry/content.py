"""The content of model and tool calls as attributes of spans, by the semantic conventions of generative AI
(https://github.com/open-telemetry/semantic-conventions-genai). Bounded, without keys, secrets and bytes of files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from app import exact_json
from app.telemetry import redaction

Attributes = dict[str, str | int]
Part = dict[str, Any]
Message = dict[str, Any]

MOST_TEXT = 4000
"""Characters of one text, one call's arguments or one result."""

MOST_MESSAGES = 32_000
"""Characters of all messages of a call, as JSON. The newest ones are kept."""

CUT = "… (cut)"

Hide = Callable[[str], str]
"""Hides the secrets that are known where it is called."""


def conversation_id(session_id: str) -> Attributes:
    """A stable name of the session: its SHA-256, since the id itself opens the session."""
    return {"gen_ai.conversation.id": hashlib.sha256(session_id.encode()).hexdigest()[:32]}


def of_prompt(prompt: Sequence[Message], hide: Hide) -> Attributes:
    """The prompt of a model call, messages in the form of OpenAI's chat API."""
    instructions = [part for one in prompt if one["role"] == "system" for part in _parts(one, hide)]
    said = [one for one in prompt if one["role"] != "system"]
    kept = _newest({"role": one["role"], "parts": _parts(one, hide)} for one in reversed(said))
    attributes: Attributes = {"gen_ai.input.messages": exact_json.dumps(kept)}
    if instructions:
        attributes["gen_ai.system_instructions"] = exact_json.dumps(_fitting(instructions))
    if len(kept) < len(said):
        attributes["aomi.messages_left_out"] = len(said) - len(kept)
    return attributes


def of_reply(text: str, calls: Iterable[tuple[str, str, Any]], stop: str, hide: Hide) -> Attributes:
    """A model's reply: its text, the ids, names and arguments of its calls, and how it stopped."""
    asked = [_call(call_id, name, arguments, hide) for call_id, name, arguments in calls]
    parts = [*_text(text, hide), *asked]
    message = {"role": "assistant", "parts": _fitting(parts), "finish_reason": "tool_call" if asked else stop}
    return {"gen_ai.output.messages": exact_json.dumps([message])}


def of_arguments(arguments: Any, hide: Hide) -> Attributes:
    """The arguments of a tool call."""
    return {"gen_ai.tool.call.arguments": _json(arguments, hide)}


def of_result(result: Any, hide: Hide) -> Attributes:
    """The result of a tool call."""
    return {"gen_ai.tool.call.result": _json(result, hide)}


def _parts(message: Message, hide: Hide) -> list[Part]:
    content = message.get("content") or ""
    if message["role"] == "tool":
        text = content if isinstance(content, str) else exact_json.dumps([_media(one, hide) for one in content])
        return [{"type": "tool_call_response", "id": message.get("tool_call_id"), "response": _hidden(text, hide)}]
    parts = _text(content, hide) if isinstance(content, str) else [_media(one, hide) for one in content]
    calls = (one for one in message.get("tool_calls") or ())
    return parts + [_call(one["id"], one["function"]["name"], one["function"]["arguments"], hide) for one in calls]


def _text(text: str, hide: Hide) -> list[Part]:
    return [{"type": "text", "content": _hidden(text, hide)}] if text else []


def _media(part: Part, hide: Hide) -> Part:
    """A part of a message: its text, or which kind of file it is."""
    if part.get("type") == "text":
        return {"type": "text", "content": _hidden(part["text"], hide)}
    return {"type": "blob", "modality": "image" if part.get("type") == "image_url" else "document"}


def _call(call_id: str, name: str, arguments: Any, hide: Hide) -> Part:
    shown: Any = _json(arguments, hide)
    with suppress(
        ValueError, RecursionError
    ):  # cut, no JSON from the beginning, or nested too deeply to be written again
        value = exact_json.loads(shown)
        exact_json.checked([value])
        shown = value
    return {"type": "tool_call", "id": call_id, "name": _hidden(name, hide), "arguments": shown}


def _json(value: Any, hide: Hide) -> str:
    """A value as JSON; a text as it is, such as arguments that are JSON already."""
    return _hidden(value if isinstance(value, str) else exact_json.dumps(value), hide)


def _hidden(text: str, hide: Hide) -> str:
    shown = redaction.without_keys(hide(text))  # before it is cut: half a secret may not be found
    return shown if len(shown) <= MOST_TEXT else shown[:MOST_TEXT] + CUT


def _newest(newest_first: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """As many of the newest messages as fit, oldest first; of the newest one as many parts."""
    kept: list[Mapping[str, Any]] = []
    left = MOST_MESSAGES
    for message in newest_first:
        if not kept:
            message = {**message, "parts": _fitting(message["parts"])}
        left -= len(exact_json.dumps(message))
        if left < 0 and kept:
            break
        kept.append(message)
    return kept[::-1]


def _fitting(parts: list[Part]) -> list[Part]:
    """As many parts as fit, at least one."""
    size, count = 0, 0
    for part in parts:
        size += len(exact_json.dumps(part))
        if size > MOST_MESSAGES and count:
            break
        count += 1
    return parts[:count]
