"""The objects of the dialect: responses, their usage and how they ended.

Source: the types of the package `openai`, `types/responses/response.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from app.dialects.openai.frames.items import Item
from app.events.sse import Event
from app.events.types import ErrorCode
from app.state.open_calls.records import Question
from app.usage import Totals

ResponseStatus = Literal["completed", "failed", "in_progress", "cancelled", "queued", "incomplete"]

_REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Of a response that is incomplete, by the finish reason of the turn."""

_ERROR_CODES: dict[ErrorCode, str] = {"refused": "invalid_prompt", "budget_spent": "rate_limit_exceeded"}
"""By the code of our error; every other one is `server_error`. The package `openai` has a closed list of them."""


@dataclass(frozen=True)
class Asked:
    """A response that a client asked for. `model` is the app; `created_at` is in seconds since 1970."""

    id: str
    model: str
    created_at: int
    previous_response_id: str | None = None
    conversation: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    background: bool = False
    store: bool = True
    text_format: Mapping[str, Any] | None = None
    functions: frozenset[str] = frozenset()
    """The names of the tools that the client runs."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """Of the calls with whose answers it goes on, by call."""


@dataclass(frozen=True)
class End:
    """How a response ended. `completed_at` is in seconds since 1970; `usage` is None as long as it is not counted.
    `questions` are those of MCP servers that wait, by call."""

    terminal: Event
    completed_at: int | None = None
    usage: Totals | None = None
    questions: Mapping[str, Question] = field(default_factory=dict)

    @property
    def status(self) -> ResponseStatus:
        """In OpenAI's words."""
        if self.terminal["type"] == "error":
            return "failed"
        if self.terminal.get("interrupted"):
            return "cancelled"
        return "incomplete" if "finish_reason" in self.terminal else "completed"

    @property
    def awaits_answer(self) -> bool:
        """Whether calls wait for outputs, or for a person's approval."""
        return bool(self.terminal.get("awaiting"))

    @property
    def incomplete_details(self) -> dict[str, str] | None:
        """Why it is incomplete, None unless the model was cut."""
        reason = _REASONS.get(self.terminal.get("finish_reason", ""))
        return {"reason": reason} if reason else None

    @property
    def error(self) -> dict[str, str] | None:
        """Why it failed, None unless it did."""
        if self.terminal["type"] != "error":
            return None
        return {"code": _ERROR_CODES.get(self.terminal["code"], "server_error"), "message": self.terminal["message"]}


def response(asked: Asked, status: ResponseStatus, output: Sequence[Item], end: End | None = None) -> dict[str, Any]:
    """A response with the `output` so far, or, with its `end`, in its final form."""
    completed_at = end.completed_at if end and status == "completed" else None
    return {
        "id": asked.id,
        "object": "response",
        "created_at": asked.created_at,
        "status": status,
        "background": asked.background,
        "completed_at": completed_at,
        "error": end.error if end else None,
        "incomplete_details": end.incomplete_details if end else None,
        "instructions": None,
        "max_output_tokens": None,
        "model": asked.model,
        "output": list(output),
        "parallel_tool_calls": True,
        "previous_response_id": asked.previous_response_id,
        "conversation": {"id": asked.conversation} if asked.conversation else None,
        "reasoning": {"effort": None, "summary": None},
        "store": asked.store,
        "temperature": None,
        "text": {"format": dict(asked.text_format or {"type": "text"})},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "auto",
        "usage": usage_json(end.usage) if end and end.usage else None,
        "user": None,
        "metadata": dict(asked.metadata),
    }


def usage_json(usage: Totals) -> dict[str, Any]:
    """Tokens in the form of Responses. Providers count what a model thinks within its output."""
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.input + usage.output,
    }


def seconds(moment: str) -> int:
    """An ISO-8601 moment in seconds since 1970."""
    return int(datetime.fromisoformat(moment).timestamp())
