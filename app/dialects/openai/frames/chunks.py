"""Chat completions: their chunks, and a completion as a whole. The text of a turn is all that a client gets of it: the
app's tools run here.

Source: the types of the package `openai`, `types/chat/chat_completion.py` and `chat_completion_chunk.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app import exact_json
from app.dialects.openai.frames.objects import End
from app.events import sse
from app.usage import Totals

NO_APPROVALS = "The reply waits for a person's approval, which needs POST /v1/responses"

DONE = sse.raw_frame(b"[DONE]")


@dataclass(frozen=True)
class Completion:
    """A completion that a client asked for. `created` is in seconds since 1970, `model` is the app."""

    id: str
    model: str
    created: int
    include_usage: bool = False

    def fields(self, kind: str) -> dict[str, Any]:
        """The fields that all chunks of a completion, and the whole one, have in common."""
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "service_tier": None,
            "system_fingerprint": None,
        }

    def whole(self, text: str, end: End) -> dict[str, Any]:
        """The completion of a turn that has not failed."""
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(end)}
        usage = usage_json(end.usage) if end.usage else None
        return self.fields("chat.completion") | {"choices": [choice], "usage": usage}


class CompletionFrames:
    """The frames of a completion that is streamed."""

    def __init__(self, completion: Completion) -> None:
        self._completion = completion
        fields = completion.fields("chat.completion.chunk")
        if completion.include_usage:
            fields["usage"] = None
        self._head = exact_json.dump_bytes(fields)[:-1]
        self._pieces: list[str] = []

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._pieces)

    def begin(self) -> bytes:
        """The frame before the first text."""
        return self._frame({"role": "assistant", "content": "", "refusal": None}, None)

    def frames(self, event: sse.Event) -> bytes:
        """The frame of one event, which is not the terminal one; b"" for all but text."""
        if event["type"] != "text":
            return b""
        self._pieces.append(event["content"])
        content = exact_json.dump_bytes(event["content"])
        choice = b'"choices":[{"index":0,"delta":{"content":%s},"logprobs":null,"finish_reason":null}]' % content
        return sse.raw_frame(b"%s,%s}" % (self._head, choice))

    def end(self, end: End) -> bytes:
        """The last frames."""
        if end.error or end.awaits_answer:
            return sse.raw_frame(exact_json.dump_bytes({"error": failure(end)})) + DONE
        return self._frame({}, _finish_reason(end)) + self._usage_frame(end.usage) + DONE

    def _frame(self, delta: Mapping[str, Any], finish_reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return sse.raw_frame(b'%s,"choices":[%s]}' % (self._head, exact_json.dump_bytes(choice)))

    def _usage_frame(self, usage: Totals | None) -> bytes:
        if not self._completion.include_usage:
            return b""
        fields = self._completion.fields("chat.completion.chunk")
        counted = usage_json(usage) if usage else None
        return sse.raw_frame(exact_json.dump_bytes(fields | {"choices": [], "usage": counted}))


def failure(end: End) -> dict[str, Any]:
    """Why a turn failed, in the form of OpenAI's errors."""
    if end.awaits_answer:
        return {"message": NO_APPROVALS, "type": "invalid_request_error", "param": None, "code": "awaiting_approval"}
    kind = "invalid_request_error" if end.terminal["code"] == "refused" else "server_error"
    return {"message": end.terminal["message"], "type": kind, "param": None, "code": end.terminal["code"]}


def usage_json(usage: Totals) -> dict[str, Any]:
    """Tokens in the form of chat completions."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
    }


def _finish_reason(end: End) -> str:
    reason: str = end.terminal.get("finish_reason", "stop")
    return reason
