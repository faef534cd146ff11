"""`demo/assistant` as a custom provider of litellm: `demo` decides what to say, this says it word by word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from litellm.llms.custom_llm import CustomLLM

from workers.models import demo


class DemoProvider(CustomLLM):
    """Answers without any network."""

    async def astreaming(self, *args: Any, **kwargs: Any) -> AsyncIterator[dict[str, Any]]:
        """Chunks in litellm's generic form."""
        tools = {tool["function"]["name"] for tool in kwargs["optional_params"].get("tools") or ()}
        calls = words = 0
        for piece in demo.reply(kwargs["messages"], tools):
            await asyncio.sleep(demo.PAUSE)
            words += 1
            if isinstance(piece, str):
                yield _generic(piece)
                continue
            if isinstance(piece, demo.Thinking):
                yield _generic("") | {"provider_specific_fields": {"reasoning_content": piece.text}}
                continue
            function = {"name": piece.name, "arguments": piece.arguments}
            yield _generic("", {"id": piece.call_id, "type": "function", "function": function, "index": calls})
            calls += 1
        sent = demo.words_in(kwargs["messages"])
        usage = {"prompt_tokens": sent, "completion_tokens": words, "total_tokens": sent + words}
        yield _generic("", finish="tool_calls" if calls else "stop") | {"usage": usage}


def _generic(text: str, tool_use: dict[str, Any] | None = None, finish: str = "") -> dict[str, Any]:
    return {
        "text": text,
        "tool_use": tool_use,
        "is_finished": bool(finish),
        "finish_reason": finish,
        "usage": None,
        "index": 0,
    }
