"""Deltas folded into one reply."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.usage import Usage
from workers.models.call_slots import CallSlots
from workers.models.delta import Broken, CallPiece, Counted, Delta, Finish, Refusal, Thought
from workers.models.finish import stop_of
from workers.reply import Reasoning, Reply, Stop, ToolRequest, legal_name

_LEGAL_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True)
class StreamOutcome:
    """The result of a model call, however it ended. `said` is all that the model wrote: text, thoughts, tool calls.
    `usage` is what its provider has counted so far, to the end if `whole`. A call was `refused` if its provider said
    so and nothing came."""

    said: str
    usage: Usage | None
    whole: bool
    refused: bool = False


def _ignore(_: str) -> None:
    """The default of `on_thought`."""


class ReplyBuilder:
    """Takes deltas; each piece of text goes to `on_text` as it comes, each one of a thought's text to `on_thought`."""

    def __init__(
        self,
        on_text: Callable[[str], None],
        used_ids: frozenset[str] = frozenset(),
        on_thought: Callable[[str], None] = _ignore,
    ) -> None:
        self._on_text = on_text
        self._on_thought = on_thought
        self._used_ids = used_ids
        self._half = ""
        self._half_thought = ""
        self._text: list[str] = []
        self._calls = CallSlots()
        self._thoughts: list[Thought] = []
        self._usage: Usage | None = None
        self._finish: list[str] = []
        self._says_no = False
        self.broken: Broken | None = None
        self.refused = False
        """Set where the provider refused the call before its stream."""

    def add(self, deltas: Iterable[Delta]) -> None:
        """Take the next deltas."""
        for delta in deltas:
            if type(delta) is str:
                self._add_text(delta)
            else:
                self._add_other(delta)

    def _add_other(self, delta: Delta) -> None:
        match delta:
            case CallPiece():
                self._calls.add(delta)
            case Thought():
                self._thoughts.append(delta)
                piece, self._half_thought = _whole(self._half_thought + delta.text)
                if piece:
                    self._on_thought(piece)
            case Counted(usage):
                self._usage = _most(self._usage or Usage(), usage)
            case Finish(reason):
                self._finish.append(reason)
            case Refusal(text):
                self._says_no = True
                self._add_text(text)
            case Broken():
                self.broken = self.broken or delta

    @property
    def finished(self) -> bool:
        """Whether the provider said how the reply ended."""
        return bool(self._finish)

    @property
    def failed_reason(self) -> str:
        """The provider's finish reason if it says that the reply is no good, else ''."""
        return next((reason for reason in self._finish if stop_of(reason) is None), "")

    @property
    def begun(self) -> bool:
        """Whether a part of the reply was there."""
        return bool(self._text or self._calls.calls)

    def reply(self) -> Reply:
        """The reply."""
        return Reply("".join(self._text), self._requests(), self._usage, self._stop(), self._reasoning())

    def outcome(self) -> StreamOutcome:
        """The reply so far."""
        calls = [call.name + call.text() for call in self._calls.calls]
        said = "".join([*(thought.text for thought in self._thoughts), *self._text, *calls])
        refused = (self.refused or self.broken is not None) and not said and self._usage is None
        return StreamOutcome(said, self._usage, self.finished and self._usage is not None, refused)

    def _stop(self) -> Stop:
        """The worst of what was said."""
        stops = {stop_of(reason) for reason in self._finish}
        if self._says_no or "content_filter" in stops:
            return "content_filter"
        return "length" if "length" in stops else "stop"

    def _requests(self) -> tuple[ToolRequest, ...]:
        """The calls. One whose id is missing, no provider's or in the conversation already gets one of ours."""
        requests, seen = [], set(self._used_ids)
        for call in self._calls.calls:
            call_id = call.call_id
            if call_id in seen or not _LEGAL_ID.fullmatch(call_id):
                call_id = f"call_{os.urandom(8).hex()}"
            seen.add(call_id)
            requests.append(ToolRequest(call_id, legal_name(call.name), call.text(), call.signature))
        return tuple(requests)

    def _reasoning(self) -> tuple[Reasoning, ...]:
        """Pieces of a kind joined to blocks, each of which a signature or data closes."""
        blocks: list[Reasoning] = []
        is_open = False
        for thought in self._thoughts:
            joins = is_open and blocks[-1].kind == thought.kind and not thought.data
            text = (blocks.pop().text if joins else "") + thought.text
            blocks.append(Reasoning(thought.kind, text, thought.signature, thought.data))
            is_open = not (thought.signature or thought.data)
        return tuple(blocks)

    def _add_text(self, piece: str) -> None:
        piece, self._half = _whole(self._half + piece)
        if piece:
            self._text.append(piece)
            self._on_text(piece)


def _most(known: Usage, found: Mapping[str, Any]) -> Usage:
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


def _whole(text: str) -> tuple[str, str]:
    """The text with halves of characters put together, or replaced where they are alone. A half at its end comes
    second: the other half comes with the next piece."""
    if text.isascii():
        return text, ""
    half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
    return text.removesuffix(half).encode("utf-16", "surrogatepass").decode("utf-16", "replace"), half
