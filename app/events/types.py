"""The events as types. mypy holds what `sse` makes to them, and /openapi.json is made from them.

Names and fields of the chat events are those of the API reference; those of /api/updates are settled by the wire
contract.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypeAliasType, TypedDict  # the standard library has them from Python 3.12 on

Status = Literal["idle", "processing", "interrupted"]
Outcome = Literal["complete", "interrupted", "error"]
"""How a turn ended."""

ErrorCode = Literal[
    "provider_error",
    "provider_stalled",
    "refused",
    "empty_answer",
    "worker_lost",
    "shutdown",
    "tool_rounds_exceeded",
    "budget_spent",
    "unauthorized",
    "lost",
    "internal",
]

CallKind = Literal["approval", "client_tool", "elicitation"]
"""Why a call waits: a person must approve it, the client runs it, or its MCP server asks a person something."""

AnswerOutcome = Literal["approved", "declined", "answered", "expired", "interrupted"]
"""The end of a call that waited: a person approved or declined it, somebody gave its result or answered its question,
nobody answered in time, or a person stopped the turn."""

FinishReason = Literal["length", "content_filter"]
"""How a model stopped that did not stop by itself."""

TRANSACTION = "wallet_tx_request"
TYPED_DATA = "wallet_eip712_request"
WALLET_REQUESTS = frozenset({TRANSACTION, TYPED_DATA})
"""Client requests that have an event type of their own."""

_SESSION = "550e8400-e29b-41d4-a716-446655440000"


def exact_schema(**example: Any) -> Any:
    """A class decorator: an object with these fields and no others, such as `example`."""
    return with_config(ConfigDict(extra="forbid", json_schema_extra={"examples": [example]}))


# Of a chat stream


@exact_schema(type="text", content="The current ")
class TextEvent(TypedDict):
    """A piece of the model's reply; where it is split has no meaning."""

    type: Literal["text"]
    content: str


@exact_schema(type="tool_call", name="GetTokenPrice", call_id="call_1", args={"symbol": "ETH"})
class ToolCallEvent(TypedDict):
    """The model calls a tool."""

    type: Literal["tool_call"]
    name: str
    call_id: str
    args: dict[str, Any]


@exact_schema(type="tool_result", call_id="call_1", name="GetTokenPrice", result={"price": 3500.0})
class ToolResultEvent(TypedDict):
    """The result of a tool call, or `{"error": "..."}`. `args` are those that a person put in the place of the
    model's. `done` is false for the first step of a multi-step tool, which goes on."""

    type: Literal["tool_result"]
    call_id: str
    name: str
    result: Any
    done: NotRequired[Literal[False]]
    args: NotRequired[dict[str, Any]]


@exact_schema(type="async_tool_result", call_id="call_1", name="WatchTokenPrice", result={"price": 3500.0})
class AsyncToolResultEvent(TypedDict):
    """A later step of a multi-step tool; the last one has `done`."""

    type: Literal["async_tool_result"]
    call_id: str
    name: str
    result: Any
    done: NotRequired[Literal[True]]


@exact_schema(type="complete")
class CompleteEvent(TypedDict):
    """The turn ended, no event follows; it has `interrupted` if it was stopped. With a `finish_reason` the reply was
    cut at its length, or stopped by a filter, a refusal or a safety rule. `awaiting` names the calls that wait for an
    answer: with it, another turn goes on."""

    type: Literal["complete"]
    interrupted: NotRequired[Literal[True]]
    finish_reason: NotRequired[FinishReason]
    awaiting: NotRequired[list[str]]


@exact_schema(type="error", message="The model's provider failed", code="provider_error", retryable=True)
class ErrorEvent(TypedDict):
    """The turn failed, no event follows. `message` is for users."""

    type: Literal["error"]
    message: str
    code: ErrorCode
    retryable: bool


@exact_schema(type="reasoning", content="The user asks for a price, so ")
class ReasoningEvent(TypedDict):
    """A piece of what the model thinks; where it is split has no meaning. Only for clients that ask for it."""

    type: Literal["reasoning"]
    content: str


class KeptReasoningEvent(TypedDict):
    """A model's reasoning for one reply: litellm's name of the model, its blocks (`workers.reply.Reasoning.stored`),
    the signatures of its calls by their ids. In a turn's log alone, for the history."""

    type: Literal["reasoning"]
    model: str
    blocks: list[dict[str, str]]
    signatures: NotRequired[dict[str, str]]


ChatEvent = TypeAliasType(
    "ChatEvent",
    Annotated[
        TextEvent
        | ReasoningEvent
        | ToolCallEvent
        | ToolResultEvent
        | AsyncToolResultEvent
        | CompleteEvent
        | ErrorEvent,
        Field(discriminator="type"),
    ],
)

# Of /api/updates; each carries the session's id


@exact_schema(type="state", session_id=_SESSION, status="processing", is_processing=True)
class StateEvent(TypedDict):
    """The session's status changed, possibly with other fields; also the first event of a new listener."""

    type: Literal["state"]
    session_id: str
    status: Status
    is_processing: bool
    title: NotRequired[str]
    app: NotRequired[str]
    model: NotRequired[str]
    user_state: NotRequired[dict[str, Any]]
    is_archived: NotRequired[bool]
    run_id: NotRequired[str]
    thread_id: NotRequired[str]
    withdrawn: NotRequired[str]


@exact_schema(type="title_changed", session_id=_SESSION, title="ETH price", new_title="ETH price")
class TitleChangedEvent(TypedDict):
    """The session (or, with `thread_id`, one of its threads) has a new title; both fields say it."""

    type: Literal["title_changed"]
    session_id: str
    title: str
    new_title: str
    thread_id: NotRequired[str]


@exact_schema(
    type="history_compacted",
    session_id=_SESSION,
    thread_id="thread_0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    message_id="run_0a1b2c3d4e5f60718293a4b5c6d7e8f9-0",
    model="gpt-4o-mini",
)
class HistoryCompactedEvent(TypedDict):
    """Models read a summary from now on, instead of the thread's messages up to `message_id`, that one included.
    `model` wrote it. The messages themselves stay."""

    type: Literal["history_compacted"]
    session_id: str
    thread_id: str
    message_id: str
    model: str


@exact_schema(type="model_changed", session_id=_SESSION, model="claude-sonnet")
class ModelChangedEvent(TypedDict):
    """The session has another model from the next turn on."""

    type: Literal["model_changed"]
    session_id: str
    model: str


@exact_schema(
    type="async_tool_result", session_id=_SESSION, call_id="call_1", name="WatchTokenPrice", result=None, done=True
)
class SessionToolResultEvent(AsyncToolResultEvent):
    """A later step of a multi-step tool, as on the chat stream."""

    session_id: str


@exact_schema(
    type="tool_update", session_id=_SESSION, call_id="call_1", name="Watch", tool_name="Watch", result='{"price":3500}'
)
class ToolProgressEvent(TypedDict):
    """The same step with its result as text; `tool_complete` is the last one. `tool_update` is also the progress of
    an MCP tool that runs in the turn."""

    type: Literal["tool_update", "tool_complete"]
    session_id: str
    call_id: str
    name: str
    tool_name: str
    result: str


@exact_schema(type="system_error", session_id=_SESSION, message="It was told to stop", code="shutdown", retryable=True)
class SystemErrorEvent(TypedDict):
    """A turn of the session ended with this error."""

    type: Literal["system_error"]
    session_id: str
    message: str
    code: ErrorCode
    retryable: bool


@exact_schema(type="system_notice", session_id=_SESSION, message="This session was deleted")
class SystemNoticeEvent(TypedDict):
    """A notice for users."""

    type: Literal["system_notice"]
    session_id: str
    message: str


@exact_schema(
    type="wallet_tx_request",
    session_id=_SESSION,
    id=1,
    kind="wallet_tx_request",
    request={"to": "0x742d...", "value": "1", "data": "0x", "chain_id": 1, "label": "Pay"},
    expires_at="2025-01-15T11:30:00.000Z",
)
class ClientRequestEvent(TypedDict):
    """A tool asks the client to do something, described by `request`; `kind` is the type, or an app's own name."""

    type: Literal["wallet_tx_request", "wallet_eip712_request", "client_request"]
    session_id: str
    id: int
    kind: str
    request: dict[str, Any]
    expires_at: str


@exact_schema(type="client_request_closed", session_id=_SESSION, ids=[1], outcome="answered")
class ClientRequestClosedEvent(TypedDict):
    """These requests to the client are closed."""

    type: Literal["client_request_closed"]
    session_id: str
    ids: list[int]
    outcome: Literal["answered", "expired"]


@exact_schema(
    call_id="call_1", name="SendMoney", args={"amount": 5}, kind="approval", expires_at="2025-01-16T10:30:00.000Z"
)
class PendingCall(TypedDict):
    """A tool call that waits for an answer. Of an `elicitation`, `message` is the server's question, with the flat JSON
    `schema` of the answer, or the `url` of a page that the person should visit."""

    call_id: str
    name: str
    args: dict[str, Any]
    kind: CallKind
    expires_at: str
    message: NotRequired[str]
    schema: NotRequired[dict[str, Any]]
    url: NotRequired[str]


@exact_schema(
    type="tool_pending",
    session_id=_SESSION,
    thread_id="thread_0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    run_id="run_0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    call_id="call_1",
    name="SendMoney",
    args={"amount": 5},
    kind="approval",
    expires_at="2025-01-16T10:30:00.000Z",
)
class ToolPendingEvent(PendingCall):
    """A tool call waits for an answer."""

    type: Literal["tool_pending"]
    session_id: str
    thread_id: str
    run_id: str


@exact_schema(
    type="tool_answered",
    session_id=_SESSION,
    thread_id="thread_0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    run_id="run_0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    call_id="call_1",
    name="SendMoney",
    outcome="approved",
)
class ToolAnsweredEvent(TypedDict):
    """A tool call does not wait any more. `run_id` is the turn that asked."""

    type: Literal["tool_answered"]
    session_id: str
    thread_id: str
    run_id: str
    call_id: str
    name: str
    outcome: AnswerOutcome


@exact_schema(type="gap", session_id=_SESSION)
class GapEvent(TypedDict):
    """Events after the id that was asked for are no longer kept; the state follows."""

    type: Literal["gap"]
    session_id: str


UpdateEvent = TypeAliasType(
    "UpdateEvent",
    Annotated[
        StateEvent
        | TitleChangedEvent
        | HistoryCompactedEvent
        | ModelChangedEvent
        | SessionToolResultEvent
        | ToolProgressEvent
        | SystemErrorEvent
        | SystemNoticeEvent
        | ClientRequestEvent
        | ClientRequestClosedEvent
        | ToolPendingEvent
        | ToolAnsweredEvent
        | GapEvent,
        Field(discriminator="type"),
    ],
)
