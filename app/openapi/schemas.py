"""The JSON of requests and responses, as types. They make /openapi.json, and views validate request bodies with them
(`app.web.bodies`). A request may have more fields than its type, a response has exactly those."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import BeforeValidator, ConfigDict, Field, with_config
from typing_extensions import TypedDict

from app.events.types import Status, closed
from app.usage import Totals as Used
from app.web import parsing
from app.web.bodies import expected

_ID = "550e8400-e29b-41d4-a716-446655440000"
_THREAD = "thread_0a1b2c3d4e5f60718293a4b5c6d7e8f9"
_BEGAN, _LAST = "2025-01-15T10:30:00.000Z", "2025-01-15T11:00:00.000Z"
_USER = {"address": "0x742d...", "chain_id": 1, "is_connected": True}

_NOT_BLANK = parsing.NOT_BLANK.pattern

Title = Annotated[str, Field(max_length=parsing.TITLE_CHARACTERS, pattern=_NOT_BLANK)]
Model = Annotated[str, Field(max_length=parsing.MODEL_CHARACTERS, pattern=_NOT_BLANK)]
AppId = Annotated[str, Field(max_length=parsing.APP_CHARACTERS, pattern=_NOT_BLANK)]
UserState = Annotated[
    dict[str, Any],
    BeforeValidator(parsing.user_state_of),
    Field(
        description=f"Any JSON object of at most {parsing.USER_STATE_BYTES:,} bytes; `address`, `chain_id` and "
        "`is_connected` are the usual keys",
        examples=[_USER],
    ),
]


def _result(value: Any) -> dict[str, Any]:
    return parsing.object_of(value, "result", parsing.RESULT_BYTES)


def _like(**example: Any) -> Any:
    """A class decorator: an object such as `example`, which may hold more."""
    return with_config(ConfigDict(json_schema_extra={"examples": [example]}))


# Requests


@_like(title="Prices", user_state=_USER)
class NewSession(TypedDict):
    """What a session may be made with."""

    title: NotRequired[Title | None]
    public_key: NotRequired[Annotated[str, Field(max_length=parsing.PUBLIC_KEY_CHARACTERS, pattern=_NOT_BLANK)] | None]
    app: NotRequired[AppId | None]
    user_state: NotRequired[UserState | None]


@_like(title="ETH and BTC")
class Titled(TypedDict):
    """A title of a person's choosing."""

    title: Title


@_like(title="ETH")
class NewThread(TypedDict):
    """What a thread may be made with."""

    title: NotRequired[Title | None]


@_like(text="What is the current price of ETH?")
class NewMessage(TypedDict):
    """A message to the assistant. `model` counts for this turn alone."""

    text: Annotated[str, Field(max_length=parsing.TEXT_CHARACTERS, pattern=_NOT_BLANK)]
    thread_id: NotRequired[Annotated[str, Field(max_length=parsing.THREAD_CHARACTERS, pattern=_NOT_BLANK)] | None]
    model: NotRequired[Model | None]
    user_state: NotRequired[UserState | None]
    on_busy: NotRequired[parsing.OnBusy]


@_like(model="claude-sonnet")
class ChosenModel(TypedDict):
    """For the action `model`."""

    model: Model


@_like(app="default")
class ChosenApp(TypedDict):
    """For the action `app`."""

    app: AppId


@_like(id=1, result={"status": "success", "txHash": "0x88df..."})
class WalletResult(TypedDict):
    """For the action `wallet_result`: what the client answers to a tool's request."""

    id: Annotated[int, Field(strict=True), expected("the number of a client request, as in its event")]
    result: Annotated[
        dict[str, Any], BeforeValidator(_result), Field(description=f"At most {parsing.RESULT_BYTES:,} bytes")
    ]


Choice = ChosenModel | ChosenApp | Titled | WalletResult | UserState

# Answers


@closed(error="Description of what went wrong")
class Refusal(TypedDict):
    """Every answer that is not 2xx."""

    error: str


@closed(id=_THREAD, title="ETH Price Discussion", created_at=_BEGAN, updated_at=_LAST)
class Thread(TypedDict):
    """A thread."""

    id: str
    title: str
    created_at: str
    updated_at: str


@closed(id=_THREAD, deleted=True)
class DeletedThread(TypedDict):
    """The thread is no more."""

    id: str
    deleted: Literal[True]


@closed(session_id=_ID, created=True, title="", is_archived=False)
class MadeSession(TypedDict):
    """`created` is false for a session that was there before."""

    session_id: str
    created: bool
    title: str
    is_archived: bool


@closed(session_id=_ID, title="Prices", is_archived=False)
class NamedSession(TypedDict):
    """A session as it is called now."""

    session_id: str
    title: str
    is_archived: bool


@closed(session_id=_ID, title="Prices", is_archived=False, created_at=_BEGAN, updated_at=_LAST)
class ListedSession(NamedSession):
    """A session of a list."""

    created_at: str
    updated_at: str


@closed(
    session_id=_ID,
    title="Prices",
    is_archived=False,
    created_at=_BEGAN,
    updated_at=_LAST,
    threads=[{"id": _THREAD, "title": "ETH Price Discussion", "created_at": _BEGAN, "updated_at": _LAST}],
    app="default",
    model="claude-sonnet",
)
class Session(ListedSession):
    """A session with its threads, oldest first; `app` and `model` are what it uses next."""

    threads: list[Thread]
    app: str
    model: str


@closed(session_id=_ID, deleted=True)
class DeletedSession(TypedDict):
    """The session is no more."""

    session_id: str
    deleted: Literal[True]


@closed(session_id=_ID, is_archived=True)
class ArchivedSession(TypedDict):
    """Whether the session is put away."""

    session_id: str
    is_archived: bool


@closed(name="GetTokenPrice", call_id="call_1", args={"symbol": "ETH"})
class ToolCall(TypedDict):
    """What a `tool_call` event said."""

    name: str
    call_id: str
    args: dict[str, Any]


@closed(call_id="call_1", name="GetTokenPrice", result={"price": 3500.0})
class ToolResult(TypedDict):
    """What a `tool_result` or `async_tool_result` event said."""

    call_id: str
    name: str
    result: Any
    done: NotRequired[Literal[True]]


@closed(id="msg_1", role="user", content="What is the current price of ETH?", created_at=_BEGAN)
class Message(TypedDict):
    """A message of the history; a later step of a multi-step tool has the role `tool`, what the client answered to a
    tool `system`."""

    id: str
    role: Literal["user", "assistant", "tool", "system"]
    content: str
    created_at: str
    tool_calls: NotRequired[list[ToolCall]]
    tool_results: NotRequired[list[ToolResult]]
    interrupted: NotRequired[Literal[True]]


@closed(
    session_id=_ID,
    thread_id=None,
    status="idle",
    is_processing=False,
    title="",
    app="default",
    model="claude-sonnet",
    messages=[],
    user_state=_USER,
    last_event_id="0",
)
class State(TypedDict):
    """A snapshot; following /api/updates from `last_event_id` on misses nothing."""

    session_id: str
    thread_id: str | None
    status: Status
    is_processing: bool
    title: str
    app: str
    model: str
    messages: list[Message]
    user_state: UserState
    last_event_id: str


@closed(interrupted=True)
class Interrupted(TypedDict):
    """Whether this call stopped a turn."""

    interrupted: bool


@closed(success=True, model="claude-sonnet")
class Chosen(TypedDict):
    """The action was carried out, and what it set."""

    success: Literal[True]
    model: NotRequired[str]
    user_state: NotRequired[UserState]
    title: NotRequired[str]
    app: NotRequired[str]
    id: NotRequired[int]


@closed(id="claude-sonnet", name="Claude Sonnet", provider="anthropic")
class ListedModel(TypedDict):
    """A model that one may choose."""

    id: str
    name: str
    provider: str


@closed(models=[{"id": "claude-sonnet", "name": "Claude Sonnet", "provider": "anthropic"}])
class Models(TypedDict):
    """The models of an app, its own first."""

    models: list[ListedModel]


@closed(id="mycoindex", name="MyCoinDex")
class ListedApp(TypedDict):
    """An app that the key opens."""

    id: str
    name: str


@closed(apps=[{"id": "mycoindex", "name": "MyCoinDex"}, {"id": "default", "name": "Default"}])
class Apps(TypedDict):
    """The apps that a key opens, `default` among them."""

    apps: list[ListedApp]


class Totals(TypedDict):
    """Sums over model calls. `cached_tokens` are among the `input_tokens`. `cost_usd` is without the `unpriced_calls`,
    whose price is not known, and without the `own_key_calls`, which clients pay by keys of their own. The provider has
    not counted the `estimated_calls`, or not to their end."""

    turns: int
    model_calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_usd: float
    estimated_calls: int
    unpriced_calls: int
    own_key_calls: int


_TOTALS = Used(3, 4, 1200, 150, 400, 3500000).shown()


@closed(day="2025-01-15", **_TOTALS)
class UsedOnDay(Totals):
    """What was used on a day, in UTC."""

    day: str


@closed(app="default", **_TOTALS)
class UsedInApp(Totals):
    """What was used in an app."""

    app: str


@closed(model="claude-sonnet", **_TOTALS)
class UsedOfModel(Totals):
    """What was used of a model."""

    model: str


@closed(usd=10.0, spent_usd=0.0035, left_usd=9.9965, until="2025-01-31")
class Budget(TypedDict):
    """What the key may cost this month, in US$; it begins anew on the day after `until`."""

    usd: float
    spent_usd: float
    left_usd: float
    until: str


_USAGE: dict[str, Any] = {
    "key": "0a1b2c3d4e5f",
    "from": "2025-01-01",
    "to": "2025-01-31",
    "total": _TOTALS,
    "by_day": [{"day": "2025-01-15", **_TOTALS}],
    "by_app": [{"app": "default", **_TOTALS}],
    "by_model": [{"model": "claude-sonnet", **_TOTALS}],
    "budget": {"usd": 10.0, "spent_usd": 0.0035, "left_usd": 9.9965, "until": "2025-01-31"},
}

_Span = TypedDict("_Span", {"from": str, "to": str})


@closed(**_USAGE)
class Usage(_Span):
    """What an API key used from one day to another; a day, app or model that was not used is not listed. `budget` is
    null for a key without one."""

    key: str
    total: Totals
    by_day: list[UsedOnDay]
    by_app: list[UsedInApp]
    by_model: list[UsedOfModel]
    budget: Budget | None


@closed(status="ok")
class Health(TypedDict):
    """All is well."""

    status: Literal["ok"]
