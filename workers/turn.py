"""The turn: ask the model, run the tools it calls, ask again, until it answers in words.

Pure: the model, the tools, where events go and the right to go on come in as parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from app.events import sse
from app.events.types import ErrorCode
from app.state import transcript
from app.state.transcript import Message
from workers.cancellation import CancelToken
from workers.reply import Reply, Stop, ToolRequest

__all__ = ["Reply", "ToolRequest"]

Emit = Callable[[sse.Event], None]


class TurnFailed(Exception):
    """The turn cannot go on. `message` is fit for users; `code` and `retryable` go into the `error` event."""

    code: ErrorCode = "internal"
    retryable = False
    kind = ""
    """The kind of the provider's failure, for metrics and traces."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ProviderFailed(TurnFailed):
    """The model's provider failed or broke off; `begun` once a part of its reply was there. It asks for `retry_after`
    seconds before the next request, if it says so."""

    code = "provider_error"

    def __init__(self, message: str, *, retryable: bool, begun: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.begun = begun
        self.retry_after = retry_after


class ProviderStalled(TurnFailed):
    """The provider was silent for too long."""

    code = "provider_stalled"
    retryable = True


class Refused(TurnFailed):
    """A filter, a refusal or a safety rule left nothing to show. The message is not sent to a model again."""

    code = "refused"


class EmptyAnswer(TurnFailed):
    """The model said nothing."""

    code = "empty_answer"
    retryable = True


class ToolRoundsExceeded(TurnFailed):
    """The model went on calling tools."""

    code = "tool_rounds_exceeded"


class ThreadGone(TurnFailed):
    """The thread was deleted before the turn began, with the turn's message."""

    code = "lost"


class MessageGone(TurnFailed):
    """The message that the turn was to edit or answer again was gone when its time came."""

    code = "lost"


class FileLost(TurnFailed):
    """A file of the turn's message was deleted, or is lost."""

    code = "lost"


class StorageAway(TurnFailed):
    """The storage of files cannot be reached."""

    retryable = True


class BudgetSpent(TurnFailed):
    """The API key of the turn has cost as much this month as it may."""

    code = "budget_spent"


class KeyRefused(TurnFailed):
    """The API key of the turn no longer opens its app."""

    code = "unauthorized"


class Model(Protocol):
    """Asks a model; each piece of text goes to `on_text` as it comes. Raises `TurnFailed`, `Stopped`."""

    def __call__(self, messages: Sequence[Message], on_text: Callable[[str], None], token: CancelToken) -> Reply: ...


class Tools(Protocol):
    """Runs calls side by side and yields each with its result as it finishes. Raises `Stopped`."""

    def __call__(self, calls: tuple[ToolRequest, ...], token: CancelToken) -> Iterator[tuple[ToolRequest, Any]]: ...


def run(
    messages: Sequence[Message], model: Model, tools: Tools, emit: Emit, token: CancelToken, most_calls: int
) -> Stop:
    """Run one turn of the thread with these stored messages; returns how the model stopped. Raises `TurnFailed`,
    `Stopped`; events that were emitted until then stay."""
    is_shown = False
    for _ in range(most_calls):
        token.check()
        reply = model(messages, lambda piece: emit(sse.text(piece)), token)
        token.check()
        calls = reply.runnable_calls()
        if reply.has_reasoning and (reply.text.strip() or calls):
            emit(sse.kept_reasoning(reply.stored_reasoning()))
        is_shown = is_shown or bool(reply.text.strip())
        if not calls:
            return _end(reply.stop, is_shown)
        messages = [*messages, _use_tools(reply, calls, tools, emit, token)]
        is_shown = True
    raise ToolRoundsExceeded(
        f"The assistant used its tools {most_calls} times without coming to an answer; ask for less at a time"
    )


def _end(stop: Stop, is_shown: bool) -> Stop:
    """How the turn ends if something was shown. Raises what it is otherwise."""
    if is_shown:
        return stop
    if stop == "content_filter":
        raise Refused("The model refused to answer; ask for something else")
    raise EmptyAnswer("The model gave no answer; try again, or choose another model")


def _use_tools(reply: Reply, calls: tuple[ToolRequest, ...], tools: Tools, emit: Emit, token: CancelToken) -> Message:
    """Run the tool calls; returns the reply with their results as a stored message."""
    for call in calls:
        emit(sse.tool_call(call.call_id, call.name, call.args() or {}))
    results = []
    for call, result in tools(calls, token):
        token.check()
        emit(sse.tool_result(call.call_id, call.name, result))
        results.append({"call_id": call.call_id, "name": call.name, "result": result})
    said = transcript.message("", "assistant", reply.text, "")
    said["tool_calls"] = [{"call_id": call.call_id, "name": call.name, "args": call.args() or {}} for call in calls]
    said["tool_results"] = results
    if reply.has_reasoning:
        said["reasoning"] = reply.stored_reasoning()
    return said
