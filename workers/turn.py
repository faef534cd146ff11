"""The turn: ask the model, run the tools it calls, ask again, until it answers in words.

Pure: the model, the tools, where events go and the right to go on come in as parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.events import sse
from app.events.types import CallKind, ErrorCode
from app.state.conversation import transcript
from app.state.conversation.transcript import Message
from app.state.open_calls.records import Asked, Question
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


@dataclass(frozen=True)
class End:
    """How the model stopped, and the calls that wait for a person: with their results the turn goes on."""

    stop: Stop
    asks: tuple[Asked, ...] = ()


class Tools(Protocol):
    """Runs calls side by side and yields each with its result as it finishes, or the `Question` for which it waits.
    Raises `Stopped`."""

    def __call__(self, calls: tuple[ToolRequest, ...], token: CancelToken) -> Iterator[tuple[ToolRequest, Any]]: ...

    def asks(self, call: ToolRequest) -> CallKind | None:
        """Why a call waits, None for one that runs at once."""

    def goes_on(self, call: ToolRequest, result: Any) -> bool:
        """Whether later steps follow the first `result` of a call."""


def run(
    messages: Sequence[Message], model: Model, tools: Tools, emit: Emit, token: CancelToken, most_calls: int
) -> End:
    """Run one turn of the thread with these stored messages. Raises `TurnFailed`, `Stopped`; events that were emitted
    until then stay."""
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
            return End(_checked(reply.stop, is_shown))
        said, asked = _use_tools(reply, calls, tools, emit, token)
        if asked:
            return End("stop", asked)
        messages = [*messages, said]
        is_shown = True
    raise ToolRoundsExceeded(
        f"The assistant used its tools {most_calls} times without coming to an answer; ask for less at a time"
    )


def _checked(stop: Stop, is_shown: bool) -> Stop:
    """How the turn ends if something was shown. Raises what it is otherwise."""
    if is_shown:
        return stop
    if stop == "content_filter":
        raise Refused("The model refused to answer; ask for something else")
    raise EmptyAnswer("The model gave no answer; try again, or choose another model")


def _use_tools(
    reply: Reply, calls: tuple[ToolRequest, ...], tools: Tools, emit: Emit, token: CancelToken
) -> tuple[Message, tuple[Asked, ...]]:
    """Run the tool calls that ask nobody. Returns the reply with their results as a stored message, and the others."""
    for call in calls:
        emit(sse.tool_call(call.call_id, call.name, call.args() or {}))
    kinds = {call.call_id: tools.asks(call) for call in calls}
    asked = [Asked(call.call_id, call.name, kind) for call in calls if (kind := kinds[call.call_id])]
    results = []
    for call, result in tools(tuple(call for call in calls if not kinds[call.call_id]), token):
        token.check()
        if isinstance(result, Question):
            asked.append(Asked(call.call_id, call.name, "elicitation", result))
            continue
        emit(sse.tool_result(call.call_id, call.name, result, goes_on=tools.goes_on(call, result)))
        results.append({"call_id": call.call_id, "name": call.name, "result": result})
    said = transcript.message("", "assistant", reply.text, "")
    said["tool_calls"] = [{"call_id": call.call_id, "name": call.name, "args": call.args() or {}} for call in calls]
    said["tool_results"] = results
    if reply.has_reasoning:
        said["reasoning"] = reply.stored_reasoning()
    return said, tuple(asked)
