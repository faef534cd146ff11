"""The wire of OpenAI's Responses API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from workers.models.delta import Delta, Finish, Refusal, Thought
from workers.models.wires import whole
from workers.models.wires.errors import described

_DELTA_BEHIND = {
    "response.output_text.done": ("response.output_text.delta", "text"),
    "response.function_call_arguments.done": ("response.function_call_arguments.delta", "arguments"),
}
"""By the event that ends a piece of output: the event of its deltas, and the member that holds all of it."""

_DELTAS = frozenset(kind for kind, _ in _DELTA_BEHIND.values())
_ENDS = frozenset(["response.completed", "response.incomplete", "response.failed", "response.cancelled"])


class Responses:
    """https://platform.openai.com/docs/api-reference/responses-streaming"""

    is_event_stream = True

    def __init__(self) -> None:
        self._said: set[tuple[Any, ...]] = set()

    @staticmethod
    def knows(value: dict[str, Any]) -> bool:
        return str(value.get("type", "")).startswith("response.") or value.get("object") == "response"

    @staticmethod
    def events(value: dict[str, Any]) -> Iterable[dict[str, Any]]:
        return whole.of_responses(value) if value.get("object") == "response" else (value,)

    @staticmethod
    def facts(value: dict[str, Any]) -> Iterator[Delta]:
        response, kind = _dict(value.get("response")), value.get("type")
        if kind == "response.refusal.delta":
            yield Refusal(str(value.get("delta") or ""))
        elif kind == "response.reasoning_summary_part.added" and value.get("summary_index"):
            yield Thought("reasoning_content", "\n\n")
        elif kind == "response.output_item.done":
            yield from _thoughts(_dict(value.get("item")))
        elif kind in ("response.completed", "response.incomplete"):  # some servers complete what is incomplete
            cut = kind == "response.incomplete" or response.get("status") == "incomplete"
            reason = _dict(response.get("incomplete_details")).get("reason") or "length"
            yield Finish(str(reason) if cut else "stop")
        elif kind in _ENDS:
            yield described(response)

    @staticmethod
    def is_end(value: dict[str, Any]) -> bool:
        return value.get("type") in _ENDS

    def pieces(self, value: dict[str, Any]) -> list[dict[str, Any]]:
        """Some servers send empty deltas, on which litellm breaks; some send none, but the whole at the end, which it
        leaves out."""
        kind, item = str(value.get("type")), _dict(value.get("item"))
        if kind in _DELTAS:
            return self._delta(kind, value, value.get("delta"))
        if kind in _DELTA_BEHIND:
            of, member = _DELTA_BEHIND[kind]
            return self._delta(of, value, value.get(member), is_whole=True)
        if item.get("type") == "function_call" and item.get("arguments"):
            return self._whole_call(kind, value, item)
        return [value]

    def _whole_call(self, kind: str, value: dict[str, Any], item: dict[str, Any]) -> list[dict[str, Any]]:
        """A call may also begin with all its arguments, or end with them."""
        more = self._delta("response.function_call_arguments.delta", value, item["arguments"], is_whole=True)
        return [value | {"item": item | {"arguments": ""}}, *more] if kind == "response.output_item.added" else more

    def _delta(self, kind: str, value: dict[str, Any], text: Any, *, is_whole: bool = False) -> list[dict[str, Any]]:
        place = (kind, value.get("output_index"), value.get("content_index"))
        if not (isinstance(text, str) and text) or (is_whole and place in self._said):
            return []
        self._said.add(place)
        return [value] if not is_whole else [{"type": kind, "output_index": place[1] or 0, "delta": text}]


def _thoughts(item: dict[str, Any]) -> Iterator[Thought]:
    """The reasoning that is sent back: only an item with its encrypted content. The server finds others by their id,
    and only if it stores them."""
    if item.get("type") == "reasoning" and item.get("encrypted_content"):
        kept = {name: item[name] for name in ("encrypted_content", "summary") if name in item}
        yield Thought("reasoning_items", data=json.dumps(kept))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
