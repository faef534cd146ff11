"""A whole reply in place of a stream, as the events of the same provider's stream.

Whole replies of Gemini and Ollama have the form of one value of their streams and need no conversion.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Event = dict[str, Any]


def of_anthropic(message: Event) -> Iterator[Event]:
    """https://docs.anthropic.com/en/api/messages"""
    yield {"type": "message_start", "message": message | {"content": [], "stop_reason": None}}
    for index, block in enumerate(_dicts(message.get("content"))):
        empty, deltas = _opened(block)
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ends = {"stop_reason": message.get("stop_reason"), "stop_sequence": message.get("stop_sequence")}
    yield {"type": "message_delta", "delta": ends, "usage": message.get("usage") or {"output_tokens": 0}}
    yield {"type": "message_stop"}


def _opened(block: Event) -> tuple[Event, list[Event]]:
    """The beginning of a block, and the deltas with its content. A block of thinking may begin with all of that."""
    if block.get("type") == "text":
        return block | {"text": ""}, [{"type": "text_delta", "text": str(block.get("text") or "")}]
    if block.get("type") == "tool_use":
        given = block.get("input")
        text = given if isinstance(given, str) else json.dumps(given or {})
        return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": text}]
    return block, []


def of_responses(response: Event) -> Iterator[Event]:
    """https://platform.openai.com/docs/api-reference/responses/object"""
    for place, item in enumerate(_dicts(response.get("output"))):
        for kind, part in enumerate(_dicts(item.get("content")) if item.get("type") == "message" else ()):
            yield from _part({"output_index": place, "content_index": kind}, part)
        if item.get("type") == "function_call":
            begun = item | {"arguments": item.get("arguments") or "{}"}
            yield {"type": "response.output_item.added", "output_index": place, "item": begun}
        yield {"type": "response.output_item.done", "output_index": place, "item": item}
    status = response.get("status")
    end = status if status in ("incomplete", "failed", "cancelled") else "completed"
    yield {"type": f"response.{end}", "response": response}


def _part(place: Event, part: Event) -> Iterator[Event]:
    if part.get("type") == "refusal":
        refusal = str(part.get("refusal") or "")
        yield {"type": "response.refusal.delta", "delta": refusal, **place}
    elif text := part.get("text"):
        yield {"type": "response.output_text.delta", "delta": str(text), **place}


def _dicts(values: Any) -> list[Event]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
