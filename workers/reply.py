"""One reply of a model, in the project's own form: text, tool calls, what it thought, and how it stopped."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from app import exact_json
from app.state.open_calls.records import Replied
from app.usage import Usage

Stop = Literal["stop", "length", "content_filter"]
"""How a model stopped: by itself, cut at its length, or by a filter, a refusal or a safety rule."""

LONGEST_NAME = 64
UNNAMED = "unnamed_tool"

_LEGAL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Reasoning:
    """One block of what a model thought. `signature` is how its provider knows the text again. `data` stands for text
    that only the provider can read, or is a list of the provider's own blocks as JSON. `kind` is the form it came in.

    Kinds: `thinking` (Anthropic), `thought_signature` (Gemini), `reasoning_content`, `reasoning`, `reasoning_details`
    (members of OpenAI's wire), `details_text` (the text of the latter, for people), `reasoning_items` (OpenAI's
    Responses API)."""

    kind: str
    text: str = ""
    signature: str = ""
    data: str = ""

    def stored(self) -> dict[str, str]:
        """As a message of the history keeps it: the fields that are not empty."""
        fields = {"kind": self.kind, "text": self.text, "signature": self.signature, "data": self.data}
        return {name: value for name, value in fields.items() if value}


@dataclass(frozen=True)
class ToolRequest:
    """A tool call as the model made it; `arguments` is JSON text, or what should have been. `signature` is Gemini's, by
    which it knows the thoughts behind the call again. `replied` is a person's answer to the question for which the call
    waited."""

    call_id: str
    name: str
    arguments: str
    signature: str = ""
    replied: Replied | None = None

    def args(self) -> dict[str, Any] | None:
        """The arguments, None when they are not a JSON object."""
        try:
            found = exact_json.loads(self.arguments or "{}")
            exact_json.checked(found)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


@dataclass(frozen=True)
class Reply:
    """One reply of a model; `model` is litellm's name of it."""

    text: str
    calls: tuple[ToolRequest, ...] = ()
    usage: Usage | None = None
    stop: Stop = "stop"
    reasoning: tuple[Reasoning, ...] = ()
    model: str = ""

    @property
    def has_reasoning(self) -> bool:
        """Whether there is something that the provider may want back."""
        return bool(self.reasoning or any(call.signature for call in self.calls))

    def stored_reasoning(self) -> dict[str, Any]:
        """The reasoning that the history keeps: the model, its blocks, the signatures of its calls by their ids."""
        signatures = {call.call_id: call.signature for call in self.calls if call.signature}
        return {
            "model": self.model,
            "blocks": [block.stored() for block in self.reasoning],
            **({"signatures": signatures} if signatures else {}),
        }

    def runnable_calls(self) -> tuple[ToolRequest, ...]:
        """The calls, or none of them where the model was stopped: one that was cut looks like one with defaults."""
        if self.stop == "stop" or (self.stop == "length" and all(call.args() for call in self.calls)):
            return self.calls
        return ()


def legal_name(name: str) -> str:
    """A tool's name that every provider takes back in a history: 1 to 64 of `A-Za-z0-9_-`.

    Models leak their own markup into names (`functions.Get<|channel|>commentary`): it is cut off first.
    """
    if _LEGAL_NAME.fullmatch(name):
        return name
    bare = name.split("<|")[0].strip().removeprefix("functions.")
    return _ILLEGAL.sub("_", bare).strip("_")[:LONGEST_NAME] or UNNAMED
