"""Types of the chunks of a stream, in the AI SDK's names."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from app.events.types import exact_schema

_RUN = "run_0a1b2c3d4e5f60718293a4b5c6d7e8f9"
_TIME = "2025-01-15T10:30:00.000Z"
_METADATA = {"model": "claude-sonnet", "startedAt": _TIME, "endedAt": _TIME}
_PART = f"{_RUN}:1"


@exact_schema(type="start", messageId=_RUN, messageMetadata={"model": "claude-sonnet"})
class StartChunk(TypedDict):
    """The assistant's message begins."""

    type: Literal["start"]
    messageId: str
    messageMetadata: dict[str, Any]


@exact_schema(type="start-step")
class StartStepChunk(TypedDict):
    """A reply of the model begins."""

    type: Literal["start-step"]


@exact_schema(type="finish-step")
class FinishStepChunk(TypedDict):
    """A reply of the model, with the results of its tools, is over."""

    type: Literal["finish-step"]


@exact_schema(type="text-start", id=_PART)
class PartStartChunk(TypedDict):
    """Text begins, or a thought of the model: that only for clients that ask for it."""

    type: Literal["text-start", "reasoning-start"]
    id: str


@exact_schema(type="text-delta", id=_PART, delta="The current ")
class PartDeltaChunk(TypedDict):
    """A piece of text, or of a thought."""

    type: Literal["text-delta", "reasoning-delta"]
    id: str
    delta: str


@exact_schema(type="text-end", id=_PART)
class PartEndChunk(TypedDict):
    """Text ends, or a thought."""

    type: Literal["text-end", "reasoning-end"]
    id: str


@exact_schema(
    type="tool-input-available",
    toolCallId="call_1",
    toolName="GetTokenPrice",
    input={"symbol": "ETH"},
    dynamic=True,
    providerExecuted=True,
)
class ToolInputChunk(TypedDict):
    """The model calls a tool. Without `dynamic` and `providerExecuted` it is one of the client's `tools`. It comes once
    more, with `providerExecuted` false, if its MCP server has a question, whose answer is the output."""

    type: Literal["tool-input-available"]
    toolCallId: str
    toolName: str
    input: dict[str, Any]
    dynamic: NotRequired[Literal[True]]
    providerExecuted: NotRequired[bool]


@exact_schema(
    type="tool-output-available", toolCallId="call_1", output={"price": 3500.0}, dynamic=True, providerExecuted=True
)
class ToolOutputChunk(TypedDict):
    """The result of a tool call, or a later step of it: `preliminary` but for the last one."""

    type: Literal["tool-output-available"]
    toolCallId: str
    output: Any
    dynamic: NotRequired[Literal[True]]
    providerExecuted: NotRequired[Literal[True]]
    preliminary: NotRequired[Literal[True]]


@exact_schema(type="tool-output-error", toolCallId="call_1", errorText="timed out", dynamic=True, providerExecuted=True)
class ToolErrorChunk(TypedDict):
    """A tool call failed; the turn goes on."""

    type: Literal["tool-output-error"]
    toolCallId: str
    errorText: str
    dynamic: NotRequired[Literal[True]]
    providerExecuted: NotRequired[Literal[True]]


@exact_schema(type="tool-approval-request", approvalId="call_1", toolCallId="call_1")
class ToolApprovalChunk(TypedDict):
    """A call waits until a person approves or declines it. Only with `v=6` and `v=7`."""

    type: Literal["tool-approval-request"]
    approvalId: str
    toolCallId: str


@exact_schema(
    type="data-elicitation",
    id="call_1",
    data={"toolCallId": "call_1", "message": "How many?", "schema": {"type": "object"}},
)
class QuestionChunk(TypedDict):
    """A call waits for the answer to a question of its MCP server: `message`, with the `schema` of the answer or the
    `url` of a page. The answer is the output of the call."""

    type: Literal["data-elicitation"]
    id: str
    data: dict[str, Any]


@exact_schema(type="tool-output-denied", toolCallId="call_1")
class ToolDeniedChunk(TypedDict):
    """A person has declined the call. Only with `v=6` and `v=7`."""

    type: Literal["tool-output-denied"]
    toolCallId: str


@exact_schema(type="message-metadata", messageMetadata={"error": "The model's provider failed"})
class MetadataChunk(TypedDict):
    """More is known of the message."""

    type: Literal["message-metadata"]
    messageMetadata: dict[str, Any]


@exact_schema(type="abort")
class AbortChunk(TypedDict):
    """The turn was stopped."""

    type: Literal["abort"]


@exact_schema(type="error", errorText="The model's provider failed")
class ErrorChunk(TypedDict):
    """The turn failed. `errorText` is for users."""

    type: Literal["error"]
    errorText: str


@exact_schema(type="finish", finishReason="stop", messageMetadata=_METADATA)
class FinishChunk(TypedDict):
    """The turn is over. `interrupted` only with `v=7`; others get `other`."""

    type: Literal["finish"]
    finishReason: Literal["stop", "length", "content-filter", "tool-calls", "interrupted", "other"]
    messageMetadata: dict[str, Any]


UIMessageChunk = TypeAliasType(
    "UIMessageChunk",
    Annotated[
        StartChunk
        | StartStepChunk
        | FinishStepChunk
        | PartStartChunk
        | PartDeltaChunk
        | PartEndChunk
        | ToolInputChunk
        | ToolOutputChunk
        | ToolErrorChunk
        | ToolApprovalChunk
        | QuestionChunk
        | ToolDeniedChunk
        | MetadataChunk
        | AbortChunk
        | ErrorChunk
        | FinishChunk,
        Field(discriminator="type"),
    ],
)
