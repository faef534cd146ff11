"""Delta: our one form of what a model's stream brings, whatever its wire. A piece of text is a plain `str`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of reasoning. A piece with a `signature` or `data` closes its block. `kind` as in `workers.reply`."""

    kind: str
    text: str = ""
    signature: str = ""
    data: str = ""


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A piece of a tool call: of slot `index` if the provider numbers its calls, else told by its id or its place."""

    index: int | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A piece of the words by which the model itself refuses."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The provider's own word for how the reply ended."""

    reason: str


@dataclass(frozen=True, slots=True)
class Counted:
    """Tokens, by OpenAI's or Anthropic's names."""

    usage: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Broken:
    """An error, inside the stream or in its place. `status` is its HTTP status, 0 if it says none; `codes` are the
    words by which the provider tells its errors apart, in lower case; `words` are for people, and may quote the
    conversation. `retry_after` is in seconds."""

    status: int = 0
    codes: tuple[str, ...] = ()
    words: str = ""
    retry_after: float | None = None


Delta = str | Thought | CallPiece | Refusal | Finish | Counted | Broken
