"""Anthropic's wire: the ends of replies, and the stream in the order in which litellm's iterator can read it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from workers.models.delta import Delta, Finish
from workers.models.wires import whole

Event = dict[str, Any]

_KINDS = frozenset(
    [
        *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
        *("message_delta", "message_stop", "ping"),
    ]
)


class Anthropic:
    """https://docs.anthropic.com/en/api/messages-streaming"""

    is_event_stream = True

    def __init__(self) -> None:
        self._left_out: set[Any] = set()
        self._order = _Order()

    @staticmethod
    def knows(value: Event) -> bool:
        return value.get("type") in _KINDS or _is_whole(value)

    @staticmethod
    def events(value: Event) -> Iterable[Event]:
        return whole.of_anthropic(value) if _is_whole(value) else (value,)

    @staticmethod
    def facts(value: Event) -> Iterator[Delta]:
        if reason := _dict(value.get("delta")).get("stop_reason"):
            yield Finish(str(reason))
        if value.get("type") == "message_stop":
            yield Finish("stop")

    @staticmethod
    def is_end(value: Event) -> bool:
        return value.get("type") == "message_stop"

    def pieces(self, value: Event) -> list[Event]:
        """A block may begin with all that it holds; litellm reads that of text blocks alone. To litellm a tool that the
        provider runs itself is a call, and a member that is null an error."""
        return [piece for event in self._order.put(value) for piece in self._clean(event)]

    def _clean(self, value: Event) -> list[Event]:
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
        return [value | {"content_block": block | begun}, *(_delta(value.get("index", 0), delta) for delta in deltas)]


class _Order:
    """litellm adds arguments to the call that began last, and a signature closes its block. So a call that begins while
    another one is open is held back until that one stops, and a signature until its block stops."""

    def __init__(self) -> None:
        self._open: Any = None
        self._held: dict[Any, list[Event]] = {}
        self._signature = ""
        self._signed: Any = None

    def put(self, event: Event) -> list[Event]:
        """The events that can be read now."""
        kind, index = event.get("type"), event.get("index")
        if _dict(event.get("delta")).get("type") == "signature_delta":
            self._sign(index, str(event["delta"].get("signature") or ""))
            return []
        is_end = kind in ("content_block_start", "message_delta") or (
            kind == "content_block_stop" and index == self._signed
        )
        return (self._signature_of_block() if is_end else []) + self._in_order(kind, index, event)

    def _in_order(self, kind: Any, index: Any, event: Event) -> list[Event]:
        if kind == "message_delta":
            return [*self._release_all(), event]
        if kind == "content_block_start" and _dict(event.get("content_block")).get("type") == "tool_use":
            if self._open is not None and index != self._open:
                self._held[index] = []
            else:
                self._open = index
        if index is not None and index in self._held:
            self._held[index].append(event)
            return []
        is_stop = kind == "content_block_stop" and index == self._open
        return [event, *self._release()] if is_stop else [event]

    def _sign(self, index: Any, signature: str) -> None:
        known = self._signature if index == self._signed else ""
        self._signed, self._signature = index, known if signature == known else known + signature

    def _signature_of_block(self) -> list[Event]:
        signature, self._signature = self._signature, ""
        return [_delta(self._signed, {"type": "signature_delta", "signature": signature})] if signature else []

    def _release(self) -> list[Event]:
        """The events of the next calls, up to the first one that is still open."""
        found: list[Event] = []
        self._open = None
        while self._held and self._open is None:
            index = next(iter(self._held))
            events = self._held.pop(index)
            found += events
            self._open = None if events[-1].get("type") == "content_block_stop" else index
        return found

    def _release_all(self) -> list[Event]:
        held, self._held = self._held, {}
        return [event for events in held.values() for event in events]


def _is_whole(value: Event) -> bool:
    return value.get("type") == "message" and isinstance(value.get("content"), list)


def _delta(index: Any, delta: Event) -> Event:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _begun(block: Event) -> tuple[Event, list[Event]]:
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


def _dict(value: Any) -> Event:
    return value if isinstance(value, dict) else {}
