"""What comes out of a model's stream: chunks folded into a reply, and silence noticed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from app.usage import Usage
from workers.turn import Reply, ToolRequest


@dataclass(frozen=True)
class StreamOutcome:
    """What came of a model call, however it ended. `said` is all that the model wrote: text, thoughts, tool calls.
    `usage` is what its provider has counted so far, to the end if `whole`. A call was `refused` if no answer began."""

    said: str
    usage: Usage | None
    whole: bool
    refused: bool


class ReplyBuilder:
    """Chunks of any route folded into one reply: OpenAI's JSON, OpenAI's chunk, litellm's, a dict of a custom provider,
    or None."""

    def __init__(self, on_text: Callable[[str], None], used_ids: set[str]) -> None:
        self._on_text = on_text
        self._used_ids = used_ids
        self._half = ""
        self._finished = False
        self._text: list[str] = []
        self._calls: dict[int, dict[str, str]] = {}
        self._thoughts: list[str] = []
        self._usage: Usage | None = None
        self.refused = False

    def add(self, chunk: Any) -> None:
        """Take the next chunk."""
        if isinstance(chunk, dict):
            (self._add_json if "choices" in chunk else self._add_generic)(chunk)
        elif chunk is not None:
            self._add_object(chunk)

    def _add_json(self, chunk: dict[str, Any]) -> None:
        for choice in chunk["choices"][:1]:
            self._finished = self._finished or bool(choice.get("finish_reason"))
            delta = choice.get("delta") or {}
            if content := delta.get("content"):
                self._add_text(content)
            else:
                self._thoughts.append(delta.get("reasoning_content") or delta.get("reasoning") or "")
            for call in delta.get("tool_calls") or ():
                function = call.get("function") or {}
                self._add_call(call.get("index"), call.get("id"), function.get("name"), function)
        self._add_usage(chunk.get("usage"))

    def _add_generic(self, chunk: dict[str, Any]) -> None:
        self._finished = self._finished or bool(chunk.get("finish_reason"))
        self._add_text(chunk.get("text"))
        if call := chunk.get("tool_use"):
            self._add_call(call["index"], call.get("id"), call["function"].get("name"), call["function"])
        self._add_usage(chunk.get("usage"))

    def _add_object(self, chunk: Any) -> None:
        for choice in chunk.choices[:1]:
            self._finished = self._finished or bool(choice.finish_reason)
            self._add_text(choice.delta.content)
            self._thoughts.append(getattr(choice.delta, "reasoning_content", None) or "")
            for call in choice.delta.tool_calls or ():
                self._add_call(call.index, call.id, call.function.name, {"arguments": call.function.arguments})
        self._add_usage(getattr(chunk, "usage", None))

    @property
    def finished(self) -> bool:
        """Whether the provider said that the reply is whole."""
        return self._finished

    @property
    def begun(self) -> bool:
        """Whether a part of the reply was there."""
        return bool(self._text or self._calls)

    def reply(self) -> Reply:
        """The reply. A call whose id is missing or stands in the conversation already gets one of our own."""
        requests, seen = [], set(self._used_ids)
        for place, call in sorted(self._calls.items()):
            call_id = call["id"] if call["id"] and call["id"] not in seen else f"call_{os.urandom(8).hex()}"
            seen.add(call_id)
            requests.append(ToolRequest(call_id, call["name"] or f"tool {place}", call["arguments"]))
        return Reply("".join(self._text), tuple(requests), self._usage)

    def heard(self) -> StreamOutcome:
        """What came so far."""
        calls = [call["name"] + call["arguments"] for call in self._calls.values()]
        said = "".join([*self._thoughts, *self._text, *calls])
        return StreamOutcome(said, self._usage, self._finished and self._usage is not None, self.refused)

    def _add_text(self, piece: str | None) -> None:
        if not piece:
            return
        piece, self._half = self._half + piece, ""
        if "\ud800" <= piece[-1] <= "\udbff":  # half a character: the other half comes with the next piece
            piece, self._half = piece[:-1], piece[-1]
        if piece := _whole(piece):
            self._text.append(piece)
            self._on_text(piece)

    def _add_call(self, index: int | None, call_id: str | None, name: str | None, function: dict[str, Any]) -> None:
        call = self._calls.setdefault(index or 0, {"id": "", "name": "", "arguments": ""})
        call["id"] = call["id"] or call_id or ""
        call["name"] = call["name"] or name or ""
        call["arguments"] += function.get("arguments") or ""

    def _add_usage(self, usage: Any) -> None:
        if usage:
            self._usage = _most(self._usage or Usage(), usage if isinstance(usage, dict) else usage.model_dump())


def _most(known: Usage, found: dict[str, Any]) -> Usage:
    """The counts of a provider: some say them once, some again and again as they rise, some in several chunks."""
    details = found.get("prompt_tokens_details")
    details = details if isinstance(details, dict) else {}
    cached = (found.get("cache_read_input_tokens"), details.get("cached_tokens"), found.get("prompt_cache_hit_tokens"))
    written = (found.get("cache_creation_input_tokens"), details.get("cache_creation_tokens"))
    return Usage(
        input=_largest(known.input, found.get("prompt_tokens")),
        output=_largest(known.output, found.get("completion_tokens")),
        cached=_largest(known.cached, *cached),
        written=_largest(known.written, *written, details.get("cache_write_tokens")),
    )


def _largest(*counts: Any) -> int:
    return max(count for count in counts if isinstance(count, int) and count >= 0)


DONE = {"choices": [{"finish_reason": "stop"}]}
"""What `[DONE]` says."""


async def read_json(source: AsyncIterator[bytes]) -> AsyncIterator[list[dict[str, Any]]]:
    """The JSON of OpenAI's event stream, for each read from the provider: [] where it only said that it lives."""
    rest = b""
    async for data in source:
        *lines, rest = (rest + data).split(b"\n")
        yield [chunk for line in lines if (chunk := _json(line)) is not None]
    if (last := _json(rest)) is not None:
        yield [last]


def _json(line: bytes) -> dict[str, Any] | None:
    if not line.startswith(b"data:"):
        return None
    data, found = line[5:].strip(), None
    if data == b"[DONE]":
        return DONE
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:  # halves of characters, which it does not take, or no JSON
        with contextlib.suppress(ValueError):
            found = json.loads(data)
    return found if isinstance(found, dict) else None


class StallTimer:
    """Watches for a provider that sends nothing: `tell(seconds)` once, after a third of the `stall` seconds it has, at
    the end of which `limit` fires. A chunk costs one look at the clock; a timer does the rest."""

    def __init__(self, limit: asyncio.Timeout, stall: float, tell: Callable[[float], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._stall = stall
        self._tell = tell
        self._told = False
        self.broken()
        self._timer = self._loop.call_later(stall / 3, self._look)

    def broken(self) -> None:
        """Something came."""
        self._heard = self._loop.time()

    def over(self) -> None:
        """Watch no more."""
        self._timer.cancel()

    def _look(self) -> None:
        now, third = self._loop.time(), self._stall / 3
        if now >= self._heard + self._stall:
            self._limit.reschedule(now)
            return
        if now >= self._heard + third and not self._told:
            self._told = True
            self._loop.run_in_executor(None, self._tell, round(third, 1))
        self._timer = self._loop.call_at(self._heard + (self._stall if self._told else third), self._look)


def _whole(text: str) -> str:
    """The text with halves of characters put together, or replaced where they stand alone."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
