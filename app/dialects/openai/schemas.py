"""Bodies and results of the dialect, for the API document. Bodies may have more fields than these."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, StrictBool
from typing_extensions import TypedDict

from app.openapi.schemas.requests import open_schema
from app.web.bodies import expected

PAIRS, PAIR_NAME, PAIR_VALUE = 16, 64, 512

ITEMS = 20
"""Of one request that adds some to a conversation, as in OpenAI's API."""

Metadata = Annotated[
    dict[
        Annotated[str, Field(max_length=PAIR_NAME)],
        Annotated[str, Field(max_length=PAIR_VALUE)],
    ],
    Field(max_length=PAIRS),
    expected(f"an object of at most {PAIRS} texts, each of at most {PAIR_VALUE} characters, by names of {PAIR_NAME}"),
]

Flag = Annotated[StrictBool, expected("true or false")]
AppName = Annotated[str, Field(min_length=1, description="An app"), expected("an app; GET /v1/models lists them")]
Input = Annotated[
    str | list[dict[str, Any]],
    Field(description="A text, or messages and tool calls in OpenAI's form, the last one a message of the user"),
    expected("a text, or a list of messages, the last one of the user"),
]
Messages = Annotated[
    list[dict[str, Any]],
    Field(description="In OpenAI's form, the last one of the user"),
    expected("a list of messages, the last one of the user"),
]


class TextOptions(TypedDict):
    """`format` asks for JSON, as OpenAI does."""

    format: NotRequired[dict[str, Any] | None]


Options = Annotated[TextOptions, expected('an object such as {"format": {"type": "json_object"}}')]


Tools = Annotated[
    list[dict[str, Any]],
    Field(description="Functions that the client runs, if the app allows that (`client_tools: true`)"),
    expected('a list of functions: {"type": "function", "name": ..., "description": ..., "parameters": {...}}'),
]


class StreamOptions(TypedDict):
    """`include_usage` adds a chunk with the tokens."""

    include_usage: NotRequired[Flag | None]


@open_schema(model="default", input="What is the price of ETH?")
class NewResponse(TypedDict):
    """A response that is asked for."""

    model: AppName
    input: Input
    stream: NotRequired[Flag | None]
    store: NotRequired[Flag | None]
    background: NotRequired[Flag | None]
    metadata: NotRequired[Metadata | None]
    text: NotRequired[Options | None]
    tools: NotRequired[Tools | None]


@open_schema(model="default", messages=[{"role": "user", "content": "What is the price of ETH?"}])
class NewCompletion(TypedDict):
    """A completion that is asked for."""

    model: AppName
    messages: Messages
    stream: NotRequired[Flag | None]
    stream_options: NotRequired[Annotated[StreamOptions, expected('an object such as {"include_usage": true}')] | None]


@open_schema(metadata={"topic": "prices"})
class NewConversation(TypedDict):
    """The optional fields of a new conversation; `items` are what it begins with."""

    metadata: NotRequired[Metadata | None]
    items: NotRequired[list[dict[str, Any]] | None]


@open_schema(items=[{"type": "message", "role": "user", "content": "What is the price of ETH?"}])
class NewItems(TypedDict):
    """Messages and tool calls to add to a conversation."""

    items: Annotated[
        list[dict[str, Any]],
        Field(min_length=1, max_length=ITEMS),
        expected(f"a list of 1 to {ITEMS} messages and tool calls"),
    ]


class ResponseObject(TypedDict):
    """A response, as OpenAI's API describes it."""

    id: str
    object: Literal["response"]
    created_at: int
    status: Literal["completed", "failed", "in_progress", "cancelled", "queued", "incomplete"]
    model: str
    output: list[dict[str, Any]]
    usage: dict[str, Any] | None
    error: dict[str, Any] | None


class ResponseEvent(TypedDict):
    """An event of a response, as OpenAI's API describes it. The numbers count from 0, without a gap."""

    type: str
    sequence_number: int


class CompletionChunk(TypedDict):
    """A piece of a completion, as OpenAI's API describes it. The last frame of the stream is `[DONE]`."""

    id: str
    object: Literal["chat.completion.chunk"]
    choices: list[dict[str, Any]]


class DeletedObject(TypedDict):
    """It is deleted."""

    id: str
    object: str
    deleted: Literal[True]


class CompletionObject(TypedDict):
    """A chat completion, as OpenAI's API describes it."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, Any] | None


class ConversationObject(TypedDict):
    """A conversation."""

    id: str
    object: Literal["conversation"]
    created_at: int
    metadata: dict[str, str]


class ItemList(TypedDict):
    """A page of items."""

    object: Literal["list"]
    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ModelObject(TypedDict):
    """An app, which is a model to OpenAI's clients."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(TypedDict):
    """The apps that the caller may use."""

    object: Literal["list"]
    data: list[ModelObject]
