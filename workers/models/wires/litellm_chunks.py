"""Chunks of litellm's iterators and of its stream wrapper as deltas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app import exact_json
from workers.models.delta import CallPiece, Counted, Delta, Finish, Thought

_SIGNATURE_IN_ID = "__thought__"
"""litellm hangs Gemini's signature of a call on its id."""


def deltas_of(chunk: Any) -> Iterator[Delta]:
    """The deltas of one chunk: litellm's object, its generic dict (custom providers, some iterators), or None."""
    if isinstance(chunk, dict) and "text" in chunk:
        yield from _generic(chunk)
    elif chunk is not None and hasattr(chunk, "choices"):
        yield from _object(chunk)


def _generic(chunk: dict[str, Any]) -> Iterator[Delta]:
    if text := (chunk.get("provider_specific_fields") or {}).get("reasoning_content"):
        yield Thought("reasoning_content", text)
    yield from _text(chunk.get("text"))
    if call := chunk.get("tool_use"):
        yield _piece(call)
    if chunk.get("finish_reason"):
        yield Finish(str(chunk["finish_reason"]))
    if usage := chunk.get("usage"):
        yield Counted(_mapping(usage))


def _object(chunk: Any) -> Iterator[Delta]:
    for choice in chunk.choices[:1]:
        delta = choice.delta
        yield from _thoughts(delta)
        yield from _text(delta.content)
        for call in delta.tool_calls or ():
            yield _piece(_mapping(call))
        if choice.finish_reason:
            yield Finish(str(choice.finish_reason))
    if usage := getattr(chunk, "usage", None):
        yield Counted(_mapping(usage))


def _text(text: Any) -> Iterator[Delta]:
    if isinstance(text, str) and text:
        yield text


def _thoughts(delta: Any) -> Iterator[Thought]:
    fields = getattr(delta, "provider_specific_fields", None) or {}
    for signature in fields.get("thought_signatures") or ():
        yield Thought("thought_signature", signature=signature)
    if blocks := getattr(delta, "thinking_blocks", None):
        yield from map(_block, blocks)
        return
    text = getattr(delta, "reasoning_content", None) or fields.get("reasoning_content")
    if isinstance(text, str) and text:
        yield Thought("reasoning_content", text)


def _block(block: dict[str, Any]) -> Thought:
    if block.get("type") == "redacted_thinking":
        return Thought("thinking", data=block.get("data") or "")
    return Thought("thinking", block.get("thinking") or "", block.get("signature") or "")


def _piece(call: dict[str, Any]) -> CallPiece:
    function = _mapping(call.get("function") or {})
    call_id, _, signature = (call.get("id") or "").partition(_SIGNATURE_IN_ID)
    own = call.get("provider_specific_fields") or function.get("provider_specific_fields") or {}
    arguments, index = function.get("arguments") or "", call.get("index")
    return CallPiece(
        index if isinstance(index, int) else None,
        call_id,
        function.get("name") or "",
        arguments if isinstance(arguments, str) else exact_json.dumps(arguments),
        own.get("thought_signature") or signature,
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else value.model_dump()
