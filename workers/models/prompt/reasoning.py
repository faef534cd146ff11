"""A model's reasoning, given back to the same model, in the form that its provider takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from app.state.conversation.transcript import Message
from workers.models.prompt.rules import Rules

Blocks = Sequence[dict[str, str]]


def give_back(said: dict[str, Any], message: Message, calls: Sequence[dict[str, Any]], rules: Rules) -> None:
    """Add the stored reasoning of `message` to `said`, its form for the provider."""
    kept = message.get("reasoning") or {}
    is_own = kept.get("model") == rules.model
    blocks: Blocks = kept.get("blocks", ()) if is_own else ()
    if rules.thinking and (thinking := [_thinking_block(block) for block in _of_kind(blocks, "thinking")]):
        said["thinking_blocks"] = thinking
    if rules.signatures and is_own:
        _give_signatures_back(said, kept.get("signatures", {}), blocks, calls)
    if rules.reasoning_details and (details := _details(blocks)):
        said["reasoning_details"] = details
    elif rules.reasoning_details and (text := _text(blocks, "reasoning")):
        said["reasoning"] = text
    if items := [json.loads(block["data"]) for block in _of_kind(blocks, "reasoning_items")]:
        said["reasoning_items"] = items
    if rules.reasoning_text and ((text := _text(blocks, "reasoning_content")) or (rules.wants_reasoning and calls)):
        said["reasoning_content"] = text


def is_thinking_missing(said: dict[str, Any], rules: Rules) -> bool:
    """Whether Claude, thinking, would refuse the calls of a message in the current turn."""
    return rules.thinking and "tool_calls" in said and "thinking_blocks" not in said


def _give_signatures_back(
    said: dict[str, Any], of_calls: dict[str, str], blocks: Blocks, calls: Sequence[dict[str, Any]]
) -> None:
    for call, request in zip(calls, said.get("tool_calls", ()), strict=True):
        if signature := of_calls.get(call["call_id"]):
            request["provider_specific_fields"] = {"thought_signature": signature}
    of_text = [block["signature"] for block in _of_kind(blocks, "thought_signature")]
    if of_text := [signature for signature in of_text if signature not in of_calls.values()]:
        said["provider_specific_fields"] = {"thought_signatures": of_text}


def _of_kind(blocks: Blocks, kind: str) -> list[dict[str, str]]:
    return [block for block in blocks if block["kind"] == kind]


def _thinking_block(block: dict[str, str]) -> dict[str, str]:
    if "data" in block:
        return {"type": "redacted_thinking", "data": block["data"]}
    return {"type": "thinking", "thinking": block.get("text", ""), "signature": block.get("signature", "")}


def _text(blocks: Blocks, kind: str) -> str:
    return "".join(block.get("text", "") for block in _of_kind(blocks, kind))


def _details(blocks: Blocks) -> list[dict[str, Any]]:
    """OpenRouter's blocks; they come in pieces, those of one block with the same type and index."""
    pieces = (piece for block in _of_kind(blocks, "reasoning_details") for piece in json.loads(block["data"]))
    return _joined(piece for piece in pieces if isinstance(piece, dict))


def _joined(pieces: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for piece in pieces:
        place = (piece.get("type"), piece.get("index"))
        if found and place == (found[-1].get("type"), found[-1].get("index")) and piece.get("index") is not None:
            for name, value in piece.items():
                is_text = name in ("text", "summary", "data") and isinstance(found[-1].get(name), str)
                found[-1][name] = found[-1][name] + value if is_text and isinstance(value, str) else value
        else:
            found.append(dict(piece))
    return found
