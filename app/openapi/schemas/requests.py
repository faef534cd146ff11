"""Bodies of requests. Views validate with these types (`app.web.bodies`). A body may have more fields than its type."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import BeforeValidator, ConfigDict, Field, with_config
from typing_extensions import TypedDict

from app.openapi.schemas.answers import Answers, ClientTools
from app.openapi.schemas.files import AttachedFile, LinkedImage
from app.web import parsing
from app.web.bodies import expected, validated
from app.web.messages.attachments import MOST, attachments_of

USER = {"address": "0x742d...", "chain_id": 1, "is_connected": True}
"""An example of a user state."""

_NOT_BLANK = parsing.NOT_BLANK.pattern

ThreadId = Annotated[str, Field(max_length=parsing.THREAD_CHARACTERS, pattern=_NOT_BLANK)]
Title = Annotated[str, Field(max_length=parsing.TITLE_CHARACTERS, pattern=_NOT_BLANK)]
Model = Annotated[str, Field(max_length=parsing.MODEL_CHARACTERS, pattern=_NOT_BLANK)]
AppId = Annotated[str, Field(max_length=parsing.APP_CHARACTERS, pattern=_NOT_BLANK)]
UserState = Annotated[
    dict[str, Any],
    BeforeValidator(parsing.user_state_of),
    Field(
        description=f"Any JSON object of at most {parsing.USER_STATE_BYTES:,} bytes; `address`, `chain_id` and "
        "`is_connected` are the usual keys",
        examples=[USER],
    ),
]

Seen = Annotated[
    str,
    Field(
        pattern=f"^{parsing.EVENT_NUMBER.pattern}$",
        description="The `last_event_id` of a response, or the id of an event of /api/updates",
    ),
    expected("the last_event_id of /api/state, or the id of an event of /api/updates, such as '7'"),
]

Attachments = Annotated[
    list[AttachedFile | LinkedImage],
    BeforeValidator(attachments_of),
    Field(max_length=MOST, description="Files of the session, and images that the model's provider reads by itself"),
]


MessageId = Annotated[str, Field(min_length=1, max_length=parsing.MESSAGE_ID_CHARACTERS)]

NewMessageId = Annotated[
    str,
    Field(min_length=1, max_length=parsing.MESSAGE_ID_CHARACTERS, pattern=parsing.MESSAGE_ID.pattern),
    BeforeValidator(parsing.message_id_of),
]


def _result(value: Any) -> dict[str, Any]:
    return parsing.object_of(value, "result", parsing.RESULT_BYTES)


def open_schema(**example: Any) -> Any:
    """A class decorator: an object such as `example`, which may have more fields."""
    return with_config(ConfigDict(json_schema_extra={"examples": [example]}))


@open_schema(title="Prices", user_state=USER)
class NewSession(TypedDict):
    """The optional fields of a new session."""

    title: NotRequired[Title | None]
    public_key: NotRequired[Annotated[str, Field(max_length=parsing.PUBLIC_KEY_CHARACTERS, pattern=_NOT_BLANK)] | None]
    app: NotRequired[AppId | None]
    user_state: NotRequired[UserState | None]


@open_schema(title="ETH and BTC")
class Titled(TypedDict):
    """A new title."""

    title: Title


@with_config(
    ConfigDict(
        json_schema_extra={
            "examples": [{"title": "ETH and BTC"}, {"seen": "7"}],
            "anyOf": [{"required": ["title"]}, {"required": ["seen"]}],
        }
    )
)
class Changes(TypedDict):
    """A new title, the last event that a person has seen, or both."""

    title: NotRequired[Title]
    seen: NotRequired[Seen]


def changes_of(fields: dict[str, Any]) -> Changes:
    """The changes of a body: at least one. Raises `BadRequest`."""
    if "seen" not in fields:
        validated(Titled, fields)
    return validated(Changes, fields)


@open_schema(message_id="msg_0a1b2c3d4e5f60718293a4b5c6d7e8f9")
class ChosenBranch(TypedDict):
    """A message on the branch that is to be active."""

    message_id: MessageId


_Source = TypedDict("_Source", {"from": NotRequired[MessageId | None]})


@open_schema(title="ETH")
class NewThread(_Source):
    """The optional fields of a new thread. `from` names a message: the thread begins as a copy of what leads to it, of
    the thread `thread_id`; without that, of the newest thread that has the message."""

    title: NotRequired[Title | None]
    thread_id: NotRequired[ThreadId | None]


class PlainFormat(TypedDict):
    """Text, as without a format."""

    type: Literal["text"]


class ObjectFormat(TypedDict):
    """Any JSON object."""

    type: Literal["json_object"]


class Schema(TypedDict):
    """A JSON schema with its name."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    schema: dict[str, Any]
    strict: NotRequired[bool | None]
    description: NotRequired[str | None]


class SchemaFormat(TypedDict):
    """A JSON object of this schema."""

    type: Literal["json_schema"]
    json_schema: Schema


def _format(value: Any) -> dict[str, Any]:
    return parsing.object_of(value, "response_format", parsing.FORMAT_BYTES)


ResponseFormat = Annotated[
    PlainFormat | ObjectFormat | SchemaFormat,
    Field(
        description=f"The form of the answer, in OpenAI's form, at most {parsing.FORMAT_BYTES:,} bytes",
        examples=[{"type": "json_object"}],
    ),
    expected('OpenAI\'s form: {"type": "json_schema", "json_schema": {"name": ..., "schema": {...}}}, or json_object'),
    BeforeValidator(_format),
]


class _Turn(TypedDict):
    """The fields that every message and regeneration may have. `usage` keeps model, times and usage of the turn for
    `?usage=1`."""

    thread_id: NotRequired[ThreadId | None]
    model: NotRequired[Model | None]
    user_state: NotRequired[UserState | None]
    on_busy: NotRequired[parsing.OnBusy]
    response_format: NotRequired[ResponseFormat | None]
    tools: NotRequired[ClientTools]
    usage: NotRequired[Annotated[bool, Field(strict=True), expected("true or false")]]


@open_schema(text="What is the current price of ETH?")
class NewMessage(_Turn):
    """A message to the assistant. `model` is for this turn only. `message_id` is the client's own id for the message,
    unique in its thread. With `edit`, it takes the place of a user's message, and opens a branch."""

    text: Annotated[str, Field(max_length=parsing.TEXT_CHARACTERS, pattern=_NOT_BLANK)]
    attachments: NotRequired[Attachments]
    message_id: NotRequired[NewMessageId | None]
    edit: NotRequired[MessageId | None]


def _no_number(value: Any) -> Any:
    """Python takes 1 for true."""
    return value if isinstance(value, bool) else None


@open_schema(regenerate=True)
class Regeneration(_Turn):
    """A message is answered again, on a branch of its own: the user's message of this id, or that which an answer of
    this id answers; with `true` the last one of the active branch."""

    regenerate: Annotated[
        Annotated[Literal[True], BeforeValidator(_no_number)] | MessageId,
        expected("true, or the id of a user's message or of an answer in this thread"),
    ]


@open_schema(model="claude-sonnet")
class ChosenModel(TypedDict):
    """For the action `model`."""

    model: Model


@open_schema(app="default")
class ChosenApp(TypedDict):
    """For the action `app`."""

    app: AppId


@open_schema(id=1, result={"status": "success", "txHash": "0x88df..."})
class WalletResult(TypedDict):
    """For the action `wallet_result`: the client's reply to a tool's request."""

    id: Annotated[int, Field(strict=True), expected("the number of a client request, as in its event")]
    result: Annotated[
        dict[str, Any], BeforeValidator(_result), Field(description=f"At most {parsing.RESULT_BYTES:,} bytes")
    ]


Choice = ChosenModel | ChosenApp | Titled | WalletResult | Answers | UserState
