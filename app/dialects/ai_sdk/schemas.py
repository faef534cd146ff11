"""Types of the dialect's requests and responses, in the AI SDK's names."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from app.events.types import exact_schema
from app.openapi.schemas.answers import ClientTool
from app.openapi.schemas.requests import MessageId, Model, NewMessageId, UserState, open_schema
from app.web import parsing
from app.web.messages import client_tools

_RUN = "run_0a1b2c3d4e5f60718293a4b5c6d7e8f9"
_CHAT = "550e8400-e29b-41d4-a716-446655440000"
_TIME = "2025-01-15T10:30:00.000Z"
_METADATA = {"model": "claude-sonnet", "startedAt": _TIME, "endedAt": _TIME}

Url = Annotated[str, Field(description="`data:`, `https:`, or that of a file in `/ai/chat/{session_id}/messages`")]


# Requests


class NamedTool(TypedDict):
    """A tool that the client runs, by its name. `parameters` is the JSON schema of its arguments."""

    description: NotRequired[str]
    parameters: NotRequired[dict[str, Any]]


def _tools(value: Any) -> list[client_tools.Tool]:
    """The tools of a list, or of an object by their names. Raises `BadRequest`."""
    if not isinstance(value, dict):
        return client_tools.tools_of(value)
    return client_tools.tools_of(
        [one | {"name": name} if isinstance(one, dict) else one for name, one in value.items()]
    )


_Name = Annotated[str, Field(pattern=client_tools.NAME.pattern)]
_MOST = Field(max_length=client_tools.MOST)
_SentTools = Annotated[list[ClientTool], _MOST] | Annotated[dict[_Name, NamedTool], _MOST]
Tools = Annotated[
    list[ClientTool],
    BeforeValidator(_tools, json_schema_input_type=_SentTools),
    Field(description="Tools that the client runs, if the app allows them; an object has them by their names"),
]


class SentPart(TypedDict):
    """A part of a message. Of the user's message those of the types `text` and `file` are read; of the assistant's,
    tool calls that a person has approved or declined, or that the client has run."""

    type: str
    text: NotRequired[str | None]
    url: NotRequired[Url | None]
    filename: NotRequired[str | None]
    toolCallId: NotRequired[str | None]
    state: NotRequired[str | None]
    output: NotRequired[Any]
    errorText: NotRequired[str | None]
    approval: NotRequired[dict[str, Any] | None]


@open_schema(id="vKzYoU0bWxYmRk3T", role="user", parts=[{"type": "text", "text": "What is the price of ETH?"}])
class SentMessage(TypedDict):
    """A UIMessage."""

    id: NotRequired[NewMessageId | None]
    role: Literal["user", "assistant", "system"]
    parts: list[SentPart]


@open_schema(
    id=_CHAT, message={"id": "vKzYoU0bWxYmRk3T", "role": "user", "parts": [{"type": "text", "text": "What is ETH?"}]}
)
class SentChat(TypedDict):
    """The body of `useChat`. Of `messages` the last one counts; a client that sends that one alone calls it `message`.
    `model` is for this turn only. With `public_key` the chat gets an owner, if it has none."""

    id: Annotated[str, Field(description="The chat: a session's id")]
    messages: NotRequired[list[dict[str, Any]] | None]
    message: NotRequired[SentMessage | None]
    trigger: NotRequired[Literal["submit-message", "regenerate-message"] | None]
    messageId: NotRequired[MessageId | None]
    model: NotRequired[Model | None]
    user_state: NotRequired[UserState | None]
    on_busy: NotRequired[parsing.OnBusy]
    tools: NotRequired[Tools | None]
    public_key: NotRequired[Annotated[str, Field(max_length=parsing.PUBLIC_KEY_CHARACTERS)] | None]


# Responses


@exact_schema(id=_RUN, role="assistant", metadata=_METADATA, parts=[{"type": "text", "text": "3,500 US$"}])
class UIMessage(TypedDict):
    """A message of the user, or all of a turn. Parts are `text`, `reasoning`, `file`, `dynamic-tool` and `step-start`,
    as the AI SDK has them. `metadata` of a turn may have `model`, `usage`, `startedAt`, `endedAt`, `interrupted`
    (true), and `error`, why it failed."""

    id: str
    role: Literal["user", "assistant"]
    parts: list[dict[str, Any]]
    metadata: NotRequired[dict[str, Any]]


@exact_schema(stopped=True)
class Stopped(TypedDict):
    """`stopped` is false if nothing ran."""

    stopped: bool


@exact_schema(id=_CHAT, title="Prices", createdAt=_TIME, updatedAt=_TIME)
class ListedChat(TypedDict):
    """A chat in a list."""

    id: str
    title: str
    createdAt: str
    updatedAt: str
