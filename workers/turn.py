"""The turn: ask the model, run the tools it calls, ask again, until it answers in words.

Pure: the model, the tools, where events go and the right to go on come in as parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from app import exact_json
from app.events import sse
from app.events.types import ErrorCode
from app.usage import Usage
from workers.cancellation import CancelToken

Prompt = list[dict[str, Any]]
"""Messages in the form of OpenAI's chat API, which litellm takes for every provider."""

Emit = Callable[[sse.Event], None]


class TurnFailed(Exception):
    """The turn cannot go on. `message` is fit for users; `code` and `retryable` go into the `error` event."""

    code: ErrorCode = "internal"
    retryable = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ProviderFailed(TurnFailed):
    """The model's provider refused, failed or broke off; `begun` once a part of its reply was there."""

    code = "provider_error"

    def __init__(self, message: str, *, retryable: bool, begun: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.begun = begun


class ProviderStalled(TurnFailed):
    """The provider was silent for too long."""

    code = "provider_stalled"
    retryable = True


class ToolRoundsExceeded(TurnFailed):
    """The model went on calling tools."""

    code = "tool_rounds_exceeded"


class BudgetSpent(TurnFailed):
    """The API key of the turn has cost as much this month as it may."""

    code = "budget_spent"


@dataclass(frozen=True)
class ToolRequest:
    """A tool call as the model made it; `arguments` is JSON text, or what should have been."""

    call_id: str
    name: str
    arguments: str

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
    """One reply of the model."""

    text: str
    calls: tuple[ToolRequest, ...] = ()
    usage: Usage | None = None


class Model(Protocol):
    """Asks a model; each piece of text goes to `on_text` as it comes. Raises `TurnFailed`, `Stopped`."""

    def __call__(self, prompt: Prompt, on_text: Callable[[str], None], token: CancelToken) -> Reply: ...


class Tools(Protocol):
    """Runs calls side by side and yields each with its result as it finishes. Raises `Stopped`."""

    def __call__(self, calls: tuple[ToolRequest, ...], token: CancelToken) -> Iterator[tuple[ToolRequest, Any]]: ...


def run(prompt: Prompt, model: Model, tools: Tools, emit: Emit, token: CancelToken, most_calls: int) -> None:
    """Run one turn. Raises `TurnFailed`, `Stopped`; what was emitted until then stands."""
    for _ in range(most_calls):
        token.check()
        reply = model(prompt, lambda piece: emit(sse.text(piece)), token)
        token.check()
        if not reply.calls:
            return
        prompt = prompt + _use_tools(reply, tools, emit, token)
    raise ToolRoundsExceeded(
        f"The assistant used its tools {most_calls} times without coming to an answer; ask for less at a time"
    )


def _use_tools(reply: Reply, tools: Tools, emit: Emit, token: CancelToken) -> Prompt:
    """Run the reply's tool calls; returns the messages that tell the model of it."""
    for call in reply.calls:
        emit(sse.tool_call(call.call_id, call.name, call.args() or {}))
    results = {}
    for call, result in tools(reply.calls, token):
        token.check()
        emit(sse.tool_result(call.call_id, call.name, result))
        results[call.call_id] = result
    asked = [requested(call.call_id, call.name, call.args() or {}) for call in reply.calls]
    told = [answered(call.call_id, results[call.call_id]) for call in reply.calls]
    return [{"role": "assistant", "content": reply.text or None, "tool_calls": asked}, *told]


def requested(call_id: str, name: str, args: dict[str, Any]) -> dict[str, Any]:
    """A tool call in an assistant's message of a prompt."""
    function = {"name": name, "arguments": exact_json.dumps(args).decode()}
    return {"id": call_id, "type": "function", "function": function}


def answered(call_id: str, result: Any) -> dict[str, Any]:
    """A tool's result as a message of a prompt."""
    return {"role": "tool", "tool_call_id": call_id, "content": exact_json.dumps(result).decode()}
