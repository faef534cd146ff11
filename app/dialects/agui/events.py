"""The events of AG-UI 1.0 that this server sends, as types: of their fields, those that it fills."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from app.dialects.agui.schemas import CLIENT_RUN, THREAD
from app.events.types import exact_schema

_REPLY = "run_0a1b2c3d4e5f60718293a4b5c6d7e8f9-0"
_CALL = f"{_REPLY}:call_1"


class TokenUsage(TypedDict):
    """The tokens of all calls of one model."""

    model: str
    inputTokens: int
    outputTokens: int
    totalTokens: int
    cachedInputTokens: int


@exact_schema(type="RUN_STARTED", threadId=THREAD, runId=CLIENT_RUN, protocolVersion="1.0")
class RunStarted(TypedDict):
    """The run begins. `protocolVersion` for clients that said theirs."""

    type: Literal["RUN_STARTED"]
    threadId: str
    runId: str
    protocolVersion: NotRequired[Literal["1.0"]]


@exact_schema(type="RUN_FINISHED", threadId=THREAD, runId=CLIENT_RUN, outcome={"type": "success"})
class RunFinished(TypedDict):
    """The run is over; nothing follows. A run that was stopped has `cancelled`, and `metadata.interrupted` for clients
    before 1.0, which do not know that outcome. `interrupt` lists calls that a person has to approve (`tool_approval`),
    and questions of MCP servers (`input_required`, with the `responseSchema` of the answer or `metadata.url`);
    `pendingToolCallIds` of `success` are those of the client's tools."""

    type: Literal["RUN_FINISHED"]
    threadId: str
    runId: str
    outcome: dict[str, Any]
    usage: NotRequired[list[TokenUsage]]
    metadata: NotRequired[dict[str, Any]]


@exact_schema(type="RUN_ERROR", message="The model's provider failed", code="provider_error")
class RunError(TypedDict):
    """The run failed; nothing follows. `message` is for users, `metadata.retryable` says whether to try again."""

    type: Literal["RUN_ERROR"]
    message: str
    code: str
    usage: NotRequired[list[TokenUsage]]
    metadata: NotRequired[dict[str, Any]]


@exact_schema(type="TEXT_MESSAGE_START", messageId=_REPLY, role="assistant")
class TextMessageStart(TypedDict):
    """Text of a message begins, or goes on behind a tool call."""

    type: Literal["TEXT_MESSAGE_START"]
    messageId: str
    role: Literal["assistant"]


@exact_schema(type="TEXT_MESSAGE_CONTENT", messageId=_REPLY, delta="The current ")
class TextMessageContent(TypedDict):
    """A piece of text."""

    type: Literal["TEXT_MESSAGE_CONTENT"]
    messageId: str
    delta: str


@exact_schema(type="TEXT_MESSAGE_END", messageId=_REPLY)
class TextMessageEnd(TypedDict):
    """The text ends."""

    type: Literal["TEXT_MESSAGE_END"]
    messageId: str
    metadata: NotRequired[dict[str, Any]]


@exact_schema(type="TOOL_CALL_START", toolCallId=_CALL, toolCallName="GetTokenPrice", parentMessageId=_REPLY)
class ToolCallStart(TypedDict):
    """The model calls a tool."""

    type: Literal["TOOL_CALL_START"]
    toolCallId: str
    toolCallName: str
    parentMessageId: str


@exact_schema(type="TOOL_CALL_ARGS", toolCallId=_CALL, delta='{"symbol":"ETH"}')
class ToolCallArgs(TypedDict):
    """All arguments of the call, as JSON."""

    type: Literal["TOOL_CALL_ARGS"]
    toolCallId: str
    delta: str


@exact_schema(type="TOOL_CALL_END", toolCallId=_CALL)
class ToolCallEnd(TypedDict):
    """The arguments are complete."""

    type: Literal["TOOL_CALL_END"]
    toolCallId: str


@exact_schema(
    type="TOOL_CALL_RESULT", messageId=f"{_CALL}:result", toolCallId=_CALL, content='{"price":3500.0}', role="tool"
)
class ToolCallResult(TypedDict):
    """The result of a call that ran on the server: text, or JSON as text; `{"error": "..."}` where it failed."""

    type: Literal["TOOL_CALL_RESULT"]
    messageId: str
    toolCallId: str
    content: str
    role: Literal["tool"]


@exact_schema(type="REASONING_START", messageId=f"{_REPLY}:reasoning")
class ReasoningStart(TypedDict):
    """The model begins to think."""

    type: Literal["REASONING_START"]
    messageId: str


@exact_schema(type="REASONING_MESSAGE_START", messageId=f"{_REPLY}:reasoning", role="reasoning")
class ReasoningMessageStart(TypedDict):
    """Reasoning begins."""

    type: Literal["REASONING_MESSAGE_START"]
    messageId: str
    role: Literal["reasoning"]


@exact_schema(type="REASONING_MESSAGE_CONTENT", messageId=f"{_REPLY}:reasoning", delta="The user asks for ")
class ReasoningMessageContent(TypedDict):
    """A piece of what the model thinks."""

    type: Literal["REASONING_MESSAGE_CONTENT"]
    messageId: str
    delta: str


@exact_schema(type="REASONING_MESSAGE_END", messageId=f"{_REPLY}:reasoning")
class ReasoningMessageEnd(TypedDict):
    """Reasoning ends."""

    type: Literal["REASONING_MESSAGE_END"]
    messageId: str


@exact_schema(type="REASONING_END", messageId=f"{_REPLY}:reasoning")
class ReasoningEnd(TypedDict):
    """The model has thought."""

    type: Literal["REASONING_END"]
    messageId: str


@exact_schema(
    type="ACTIVITY_SNAPSHOT",
    messageId="run_0a1b2c3d4e5f60718293a4b5c6d7e8f9-1",
    activityType="tool_step",
    content={"toolCallId": _CALL, "name": "WatchTokenPrice", "result": {"price": 3500.0}, "done": True},
)
class ActivitySnapshot(TypedDict):
    """A later step of a multi-step tool. It replaces the one before of the same call; the last one has `done`."""

    type: Literal["ACTIVITY_SNAPSHOT"]
    messageId: str
    activityType: Literal["tool_step"]
    content: dict[str, Any]


@exact_schema(type="STATE_SNAPSHOT", snapshot={"address": "0x742d...", "chain_id": 1})
class StateSnapshot(TypedDict):
    """The user state of the session, with the requests to the client that are open."""

    type: Literal["STATE_SNAPSHOT"]
    snapshot: dict[str, Any]


@exact_schema(type="MESSAGES_SNAPSHOT", messages=[{"id": "u1", "role": "user", "content": "What is ETH?"}])
class MessagesSnapshot(TypedDict):
    """The messages of the thread, without those of the run that follows."""

    type: Literal["MESSAGES_SNAPSHOT"]
    messages: list[dict[str, Any]]


AgentEvent = TypeAliasType(
    "AgentEvent",
    Annotated[
        RunStarted
        | RunFinished
        | RunError
        | TextMessageStart
        | TextMessageContent
        | TextMessageEnd
        | ToolCallStart
        | ToolCallArgs
        | ToolCallEnd
        | ToolCallResult
        | ReasoningStart
        | ReasoningMessageStart
        | ReasoningMessageContent
        | ReasoningMessageEnd
        | ReasoningEnd
        | ActivitySnapshot
        | StateSnapshot
        | MessagesSnapshot,
        Field(discriminator="type"),
    ],
)
