"""What a provider has served, read from its frames: calls, thoughts, signatures, and the tokens that it counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.models.rules.request import Served, object_of

Chunk = dict[str, Any]


def chunks(frames: Sequence[Any]) -> Iterator[Chunk]:
    """The JSON objects in the frames, of server-sent events or of JSON lines. Frames of bytes are not looked into."""
    for line in "".join(frame for frame in frames if isinstance(frame, str)).splitlines():
        try:
            found = json.loads(line.removeprefix("data:"))
        except ValueError:
            continue
        for value in found if isinstance(found, list) else [found]:
            if isinstance(value, dict):
                yield from _unfolded(value)


def _unfolded(value: Chunk) -> Iterator[Chunk]:
    """A whole reply of Anthropic's or of the Responses API as a stream brings it; any other value as it is."""
    if value.get("object") == "response":
        yield from ({"type": "response.output_item.done", "item": item} for item in value["output"])
        yield {"type": "response.completed", "response": value}
    elif value.get("type") == "message":
        yield {"type": "message_start", "message": value}
        for index, block in enumerate(value["content"]):
            yield {"type": "content_block_start", "index": index, "content_block": block}
            given = {"partial_json": json.dumps(block["input"])} if "input" in block else {}
            yield {"type": "content_block_delta", "index": index, "delta": given}
        yield {"type": "message_delta", "usage": value["usage"]}
    else:
        yield value


def reply(wire: str, frames: Sequence[Any]) -> Served:
    """What the frames say, once put together."""
    return READERS[wire](list(chunks(frames)))


def tokens(wire: str, frames: Sequence[Any]) -> int | None:
    """Tokens that the provider counted, None where it did not count, or not to the end."""
    return COUNTERS[wire](list(chunks(frames)))


def _openai(found: list[Chunk]) -> Served:
    deltas = [choice.get("delta") or {} for chunk in found for choice in chunk.get("choices") or ()]
    pieces: dict[int, list[str]] = {}
    for delta in deltas:
        for call in delta.get("tool_calls") or ():
            piece = pieces.setdefault(call.get("index", 0), ["", ""])
            function = call.get("function") or {}
            piece[0] = piece[0] or function.get("name") or ""
            piece[1] += function["arguments"] if isinstance(function.get("arguments"), str) else ""
    reasoning = "".join(delta.get("reasoning_content") or "" for delta in deltas)
    return Served(tuple((name, object_of(text)) for name, text in pieces.values()), reasoning)


def _anthropic(found: list[Chunk]) -> Served:
    blocks: dict[int, Chunk] = {}
    for chunk in found:
        if chunk.get("type") == "content_block_start":
            blocks[chunk["index"]] = dict(chunk["content_block"]) | {"json": ""}
        elif chunk.get("type") == "content_block_delta":
            _add_to(blocks[chunk["index"]], chunk["delta"])
    thinking = tuple(_thought(block) for block in blocks.values() if "thinking" in block["type"])
    calls = [block for block in blocks.values() if block["type"] == "tool_use"]
    return Served(tuple((call["name"], object_of(call["json"] or "{}")) for call in calls), thinking=thinking)


def _add_to(block: Chunk, delta: Chunk) -> None:
    for source, target in (("thinking", "thinking"), ("signature", "signature"), ("partial_json", "json")):
        if source in delta:
            block[target] += delta[source]


def _thought(block: Chunk) -> Chunk:
    return {name: value for name, value in block.items() if name != "json"}


def _gemini(found: list[Chunk]) -> Served:
    parts = [
        part
        for chunk in found
        for candidate in chunk.get("candidates") or ()
        for part in (candidate.get("content") or {}).get("parts") or ()
        if part
    ]
    calls = [part for part in parts if "functionCall" in part]
    made = tuple((part["functionCall"].get("name"), part["functionCall"].get("args") or {}) for part in calls)
    of_texts = tuple(part["thoughtSignature"] for part in parts if "text" in part and "thoughtSignature" in part)
    return Served(made, signatures=tuple(part.get("thoughtSignature") for part in calls), text_signatures=of_texts)


def _responses(found: list[Chunk]) -> Served:
    items = [chunk["item"] for chunk in found if chunk.get("type") == "response.output_item.done"]
    calls = [item for item in items if item["type"] == "function_call"]
    thinking = tuple(item for item in items if item["type"] == "reasoning" and "encrypted_content" in item)
    return Served(tuple((call["name"], object_of(call["arguments"])) for call in calls), thinking=thinking)


def _nothing(found: list[Chunk]) -> Served:
    return Served()


def _openai_tokens(found: list[Chunk]) -> int | None:
    counted = [chunk["usage"]["total_tokens"] for chunk in found if chunk.get("usage")]
    return counted[-1] if counted else None


def _responses_tokens(found: list[Chunk]) -> int | None:
    counted = [(chunk.get("response") or {}).get("usage") for chunk in found]
    return next((usage["total_tokens"] for usage in counted if usage), None)


def _anthropic_tokens(found: list[Chunk]) -> int | None:
    sent = [chunk["message"]["usage"]["input_tokens"] for chunk in found if chunk.get("type") == "message_start"]
    said = [chunk["usage"]["output_tokens"] for chunk in found if chunk.get("usage")]
    return sent[-1] + said[-1] if sent and said else None


def _gemini_tokens(found: list[Chunk]) -> int | None:
    counted = [chunk["usageMetadata"]["totalTokenCount"] for chunk in found if chunk.get("usageMetadata")]
    return counted[-1] if counted else None


def _ollama_tokens(found: list[Chunk]) -> int | None:
    counted = [chunk["prompt_eval_count"] + chunk["eval_count"] for chunk in found if "eval_count" in chunk]
    return counted[-1] if counted else None


READERS: dict[str, Callable[[list[Chunk]], Served]] = {
    "openai": _openai,
    "azure": _openai,
    "responses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "ollama": _nothing,
}
COUNTERS: dict[str, Callable[[list[Chunk]], int | None]] = {
    "openai": _openai_tokens,
    "azure": _openai_tokens,
    "responses": _responses_tokens,
    "anthropic": _anthropic_tokens,
    "gemini": _gemini_tokens,
    "ollama": _ollama_tokens,
}
