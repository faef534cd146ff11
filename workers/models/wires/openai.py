"""OpenAI's wire, as OpenAI speaks it and as the many speak it who say that they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from workers.models.call_slots import CallSlots
from workers.models.delta import CallPiece, Counted, Delta, Finish, Refusal, Thought

_THOUGHT_FIELDS = ("reasoning_content", "reasoning")

_ORDINARY = frozenset(["content", "role"])


def plain_text(chunk: dict[str, Any]) -> str | None:
    """The text of a chunk that has nothing else, as nearly every one. None of another."""
    choices = chunk.get("choices")
    choice = choices[0] if type(choices) is list and choices else None
    if type(choice) is not dict:
        return None
    delta = choice.get("delta")
    if type(delta) is not dict or type(content := delta.get("content")) is not str:
        return None
    if chunk.get("usage") or choice.get("finish_reason") or "error" in chunk or "error" in choice:
        return None
    if len(delta) > 1 and any(value for name, value in delta.items() if name not in _ORDINARY):
        return None
    return content or None


def deltas_of(chunk: dict[str, Any]) -> Sequence[Delta]:
    """The deltas of one chunk."""
    if text := plain_text(chunk):
        return (text,)
    choices = chunk.get("choices")
    if not (isinstance(choices, list) and choices and isinstance(choices[0], dict)):
        return list(_usage(chunk))
    choice = choices[0]
    delta = choice.get("delta")
    return [*_message(delta or choice.get("message") or choice), *_ends(choice), *_usage(choice), *_usage(chunk)]


def _message(message: Any) -> Iterator[Delta]:
    if not isinstance(message, dict):
        return
    yield from _thoughts(message)
    yield from _content(message.get("content", message.get("text")))
    if refusal := message.get("refusal"):
        yield Refusal(str(refusal))
    for call in _calls(message):
        function = call.get("function")
        yield _piece(call, function if isinstance(function, dict) else {})


def _thoughts(message: dict[str, Any]) -> Iterator[Thought]:
    details = message.get("reasoning_details")
    if isinstance(details, list) and details:
        yield Thought("reasoning_details", data=orjson.dumps(details).decode())
    for field in _THOUGHT_FIELDS:
        if isinstance(text := message.get(field), str) and text:
            yield Thought(field, text)
            return
    if text := _text_of_details(details):
        yield Thought("details_text", text)


def _text_of_details(details: Any) -> str:
    """Their text for people, where a server says it nowhere else (MiniMax)."""
    parts = [_dict(part) for part in details] if isinstance(details, list) else []
    texts = (part.get("text") or part.get("summary") for part in parts)
    return "".join(text for text in texts if isinstance(text, str))


def _content(content: Any) -> Iterator[Delta]:
    """Text, or a list of parts (Mistral): those of type text are the answer."""
    if isinstance(content, str):
        if content:
            yield content
        return
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict) and part.get("type", "text") in ("text", "output_text"):
            yield from _content(part.get("text"))
        elif isinstance(part, dict) and part.get("type") == "thinking":
            yield from (
                Thought("content_thinking", text) for text in _content(part.get("thinking")) if isinstance(text, str)
            )


def _calls(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else [calls]:
        if isinstance(call, dict):
            yield call
    if isinstance(legacy := message.get("function_call"), dict):
        yield {"index": 0, "function": legacy}


def _piece(call: dict[str, Any], function: dict[str, Any]) -> CallPiece:
    call_id, name = call.get("id"), function.get("name")
    return CallPiece(
        _index(call.get("index")),
        call_id if isinstance(call_id, str) else "",
        name if isinstance(name, str) else "",
        _arguments(function.get("arguments")),
        _signature(call),
    )


def _index(index: Any) -> int | None:
    """The number of a call; some write it as text, or with a fraction."""
    try:
        return None if index is None else int(index)
    except (TypeError, ValueError, OverflowError):
        return None


def _arguments(arguments: Any) -> str:
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else orjson.dumps(arguments).decode()


def _signature(call: dict[str, Any]) -> str:
    """Gemini's, at its address for OpenAI's wire."""
    found = call.get("extra_content")
    for name in ("google", "thought_signature"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def _ends(choice: dict[str, Any]) -> Iterator[Delta]:
    for name in ("finish_reason", "native_finish_reason"):
        if (reason := choice.get(name)) and (name == "finish_reason" or choice.get("finish_reason")):
            yield Finish(str(reason))


def _usage(holder: dict[str, Any]) -> Iterator[Delta]:
    """In a chunk of its own; Moonshot has it in the choice, Groq in a field of its own."""
    for found in (holder.get("usage"), _dict(holder.get("x_groq")).get("usage")):
        if isinstance(found, dict) and found:
            yield Counted(_counts(found))


def _counts(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is no count. Some write a count as text, or with a fraction."""
    counts = {name: _counts(value) if isinstance(value, dict) else _count(value) for name, value in usage.items()}
    return {name: value for name, value in counts.items() if value is not None}


def _count(value: Any) -> int | None:
    if isinstance(value, str) and not value.isdecimal():
        return None
    return _index(value)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


class Rewriter:
    """Deltas written as clean chunks again, for a reader that only takes OpenAI's own: one number a call, arguments as
    text, no field that is missing."""

    def __init__(self) -> None:
        self._calls = CallSlots()
        self._names: dict[int, str] = {}

    def chunk(self, original: dict[str, Any], deltas: Sequence[Delta]) -> dict[str, Any] | None:
        """The chunk, None if there is nothing to say."""
        text = "".join(_text_of(delta) for delta in deltas)
        calls = [self._call(delta) for delta in deltas if isinstance(delta, CallPiece)]
        usage = next((dict(delta.usage) for delta in deltas if isinstance(delta, Counted)), None)
        reason = next((delta.reason for delta in deltas if isinstance(delta, Finish)), None)
        said: dict[str, Any] = {"role": "assistant", "content": text} | ({"tool_calls": calls} if calls else {})
        has_choice = bool(text or calls or reason)
        if not (has_choice or usage):
            return None
        choices = [{"index": 0, "delta": said, "finish_reason": reason}] if has_choice else []
        known: dict[str, Any] = {"id": str(original.get("id") or "chunk"), "object": "chat.completion.chunk"}
        known |= {"created": 1, "model": str(original.get("model") or "")}
        return known | {"choices": choices} | ({"usage": usage} if usage else {})

    def _call(self, piece: CallPiece) -> dict[str, Any]:
        index = self._calls.add(piece)
        call = self._calls.calls[index]
        function: dict[str, Any] = {"arguments": piece.arguments}
        known: dict[str, Any] = {"index": index, "type": "function", "function": function}
        told = self._names.get(index, "")
        if call.name != told:
            self._names[index] = call.name
            function["name"] = call.name.removeprefix(told)
            known |= {} if told else {"id": call.call_id}
        return known


def _text_of(delta: Delta) -> str:
    if isinstance(delta, Refusal):
        return delta.text
    return delta if isinstance(delta, str) else ""
