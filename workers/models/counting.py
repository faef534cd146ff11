"""Tokens counted without the network, by the tokenizer that litellm brings: exact for OpenAI's models, else near."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import litellm

from workers.models.prompt import Prompt
from workers.models.prompt.media import without_media


def of_messages(model: str, messages: Prompt, tools: Sequence[dict[str, Any]] = ()) -> int:
    """Tokens of a prompt for litellm's `model`. litellm's counter breaks on members that it does not know: the fields
    of reasoning are counted as text."""
    texts, media_tokens = without_media(messages)
    plain = [{name: value for name, value in message.items() if name in _COUNTED} for message in texts]
    thoughts = "".join(_thoughts(message) for message in messages)
    counted = litellm.token_counter(model=model, messages=plain, tools=list(tools) or None)
    return counted + media_tokens + (of_text(model, thoughts) if thoughts else 0)


def of_text(model: str, text: str) -> int:
    """Tokens of a text."""
    return litellm.token_counter(model=model, text=text)


@lru_cache(maxsize=256)
def of_same_text(model: str, text: str) -> int:
    """Tokens of a text that is the same in every prompt of an app, counted once."""
    return of_text(model, text)


_COUNTED = frozenset(["role", "content", "tool_calls", "tool_call_id"])


def _thoughts(message: dict[str, Any]) -> str:
    blocks = message.get("thinking_blocks") or message.get("reasoning_details") or ()
    return str(message.get("reasoning_content") or message.get("reasoning") or "") + "".join(map(str, blocks))
