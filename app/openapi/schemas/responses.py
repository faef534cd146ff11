"""Responses. A response has exactly the fields of its type."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from app.events.types import PendingCall, Status, exact_schema
from app.openapi.schemas.feedback import GivenFeedback
from app.openapi.schemas.files import File, LinkedImage
from app.openapi.schemas.requests import USER, UserState

_ID = "550e8400-e29b-41d4-a716-446655440000"
_THREAD = "thread_0a1b2c3d4e5f60718293a4b5c6d7e8f9"
_RUN = "run_0a1b2c3d4e5f60718293a4b5c6d7e8f9"
_CREATED, _UPDATED = "2025-01-15T10:30:00.000Z", "2025-01-15T11:00:00.000Z"


@exact_schema(error="Description of what went wrong")
class Refusal(TypedDict):
    """Every response that is not 2xx."""

    error: str


@exact_schema(
    id=_THREAD,
    title="ETH Price Discussion",
    created_at=_CREATED,
    updated_at=_UPDATED,
    status="idle",
    unread=True,
)
class Thread(TypedDict):
    """A thread. `unread` says that it has something new since the last event that was marked as seen."""

    id: str
    title: str
    created_at: str
    updated_at: str
    status: Status
    unread: bool


@exact_schema(id=_THREAD, deleted=True)
class DeletedThread(TypedDict):
    """The thread is deleted."""

    id: str
    deleted: Literal[True]


@exact_schema(session_id=_ID, run_id=_RUN, thread_id=_THREAD)
class AcceptedTurn(TypedDict):
    """The turn of a message whose sender prefers not to wait."""

    session_id: str
    run_id: str
    thread_id: str


@exact_schema(session_id=_ID, created=True, title="", is_archived=False)
class MadeSession(TypedDict):
    """`created` is false if the session existed before."""

    session_id: str
    created: bool
    title: str
    is_archived: bool


@exact_schema(ticket="aGVsbG8gd29ybGQ", expires_in=60)
class MadeTicket(TypedDict):
    """A ticket, for the query of a stream; `expires_in` seconds."""

    ticket: str
    expires_in: int


@exact_schema(session_id=_ID, title="Prices", is_archived=False)
class NamedSession(TypedDict):
    """A session with its title."""

    session_id: str
    title: str
    is_archived: bool


@exact_schema(
    session_id=_ID,
    title="Prices",
    is_archived=False,
    status="idle",
    unread=True,
    last_event_id="7",
)
class ChangedSession(NamedSession):
    """A session after a change. `unread` says that it has something new since the last event that was marked as
    seen."""

    status: Status
    unread: bool
    last_event_id: str


@exact_schema(
    session_id=_ID,
    title="Prices",
    is_archived=False,
    status="idle",
    unread=True,
    last_event_id="7",
    created_at=_CREATED,
    updated_at=_UPDATED,
)
class ListedSession(ChangedSession):
    """A session in a list."""

    created_at: str
    updated_at: str


@exact_schema(
    session_id=_ID,
    title="Prices",
    is_archived=False,
    status="idle",
    unread=True,
    last_event_id="7",
    created_at=_CREATED,
    updated_at=_UPDATED,
    threads=[
        {
            "id": _THREAD,
            "title": "ETH Price Discussion",
            "created_at": _CREATED,
            "updated_at": _UPDATED,
            "status": "idle",
            "unread": True,
        }
    ],
    app="default",
    model="claude-sonnet",
)
class Session(ListedSession):
    """A session with its threads, oldest first; `app` and `model` are those of its next turn."""

    threads: list[Thread]
    app: str
    model: str


@exact_schema(session_id=_ID, deleted=True)
class DeletedSession(TypedDict):
    """The session is deleted."""

    session_id: str
    deleted: Literal[True]


@exact_schema(session_id=_ID, is_archived=True)
class ArchivedSession(TypedDict):
    """Whether the session is archived."""

    session_id: str
    is_archived: bool


@exact_schema(name="GetTokenPrice", call_id="call_1", args={"symbol": "ETH"})
class ToolCall(TypedDict):
    """The content of a `tool_call` event."""

    name: str
    call_id: str
    args: dict[str, Any]


@exact_schema(call_id="call_1", name="GetTokenPrice", result={"price": 3500.0})
class ToolResult(TypedDict):
    """The content of a `tool_result` or `async_tool_result` event."""

    call_id: str
    name: str
    result: Any
    done: NotRequired[bool]
    args: NotRequired[dict[str, Any]]


class TurnUsage(TypedDict):
    """The usage of a turn. `cost_usd` is there for callers with an API key or a token, if all prices are known."""

    model_calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_usd: NotRequired[float]
    estimated_calls: int
    unpriced_calls: int
    own_key_calls: int


@exact_schema(model="claude-sonnet", started_at=_CREATED, ended_at=_UPDATED)
class TurnFacts(TypedDict):
    """Model, times and usage of a turn. Without `usage`, nothing is counted yet."""

    model: str
    started_at: NotRequired[str]
    ended_at: NotRequired[str]
    usage: NotRequired[TurnUsage]


@exact_schema(id="msg_1", role="user", content="What is the current price of ETH?", created_at=_CREATED, parent_id=None)
class Message(TypedDict):
    """A message of the history. A later step of a multi-step tool has the role `tool`, a client's reply to a tool's
    request `system`. `reasoning` is what the model thought, if the request asks for it; `parsed`
    the object that the answer is, if its message had a `response_format`. `parent_id` names the message before it;
    `siblings` are the messages that follow the same one, in order and with itself, where there are others. `feedback`
    is there if the reply has any, `turn` on the last message of a turn with the request's `usage=1`, if its own message
    had `usage`."""

    id: str
    role: Literal["user", "assistant", "tool", "system"]
    content: str
    created_at: str
    reasoning: NotRequired[str]
    parsed: NotRequired[dict[str, Any]]
    tool_calls: NotRequired[list[ToolCall]]
    tool_results: NotRequired[list[ToolResult]]
    interrupted: NotRequired[Literal[True]]
    attachments: NotRequired[list[File | LinkedImage]]
    parent_id: str | None
    siblings: NotRequired[list[str]]
    feedback: NotRequired[list[GivenFeedback]]
    turn: NotRequired[TurnFacts]


@exact_schema(messages=[], has_more=False)
class MessagePage(TypedDict):
    """A page of a thread's messages, the newest last. `has_more` says whether there are older ones."""

    messages: list[Message]
    has_more: bool


@exact_schema(run_id=_RUN, text="And of BTC?")
class WaitingMessage(TypedDict):
    """A message whose turn has not begun, because others of the session come first. `regenerate` is the id of the
    message, if it is in the history and is to be answered again."""

    run_id: str
    text: str
    regenerate: NotRequired[str]


@exact_schema(
    id=1, kind="pick_file", tool="PickFile", request={"types": ["txt"]}, expires_at="2025-01-15T11:30:00.000Z"
)
class OpenClientRequest(TypedDict):
    """A request of a tool to the client that has no reply yet. `kind` is the type of a request to a wallet, or an
    app's own name."""

    id: int
    kind: str
    tool: str
    request: dict[str, Any]
    expires_at: str


@exact_schema(
    session_id=_ID,
    thread_id=None,
    thread_is_processing=False,
    status="idle",
    is_processing=False,
    title="",
    app="default",
    model="claude-sonnet",
    messages=[],
    waiting=[],
    pending=[],
    client_requests=[],
    user_state=USER,
    last_event_id="0",
)
class State(TypedDict):
    """A snapshot. `thread_is_processing` says whether the session's current turn is in this thread. Follow /api/updates
    from `last_event_id` to miss nothing. `has_more` is there if the request has a
    `limit`, and says whether there are older messages."""

    session_id: str
    thread_id: str | None
    thread_is_processing: bool
    status: Status
    is_processing: bool
    title: str
    app: str
    model: str
    messages: list[Message]
    has_more: NotRequired[bool]
    waiting: list[WaitingMessage]
    pending: list[PendingCall]
    client_requests: list[OpenClientRequest]
    user_state: UserState
    last_event_id: str


@exact_schema(interrupted=True)
class Interrupted(TypedDict):
    """Whether this call stopped a turn."""

    interrupted: bool


@exact_schema(thread_id=_THREAD, message_id="msg_0a1b2c3d4e5f60718293a4b5c6d7e8f9")
class ActiveBranch(TypedDict):
    """The branch of this message is active."""

    thread_id: str
    message_id: str


@exact_schema(withdrawn=True)
class Withdrawn(TypedDict):
    """The message is withdrawn."""

    withdrawn: Literal[True]


@exact_schema(success=True, model="claude-sonnet")
class Chosen(TypedDict):
    """The action was carried out; the field that it set."""

    success: Literal[True]
    model: NotRequired[str]
    user_state: NotRequired[UserState]
    title: NotRequired[str]
    app: NotRequired[str]
    id: NotRequired[int]
    run_id: NotRequired[str]
    awaiting: NotRequired[list[str]]


@exact_schema(id="claude-sonnet", name="Claude Sonnet", provider="anthropic")
class ListedModel(TypedDict):
    """A model that the session may choose."""

    id: str
    name: str
    provider: str


@exact_schema(models=[{"id": "claude-sonnet", "name": "Claude Sonnet", "provider": "anthropic"}])
class Models(TypedDict):
    """The models of an app, its own first."""

    models: list[ListedModel]


@exact_schema(title="A price", text="What is the current price of ETH?")
class Example(TypedDict):
    """A message to try. `title` is a few words about it, "" without one."""

    title: str
    text: str


@exact_schema(id="mycoindex", name="MyCoinDex")
class ListedApp(TypedDict):
    """An app that the key opens. `examples` is there if it has any."""

    id: str
    name: str
    examples: NotRequired[list[Example]]


@exact_schema(id="default", name="Default", examples=[{"title": "", "text": "What is the current price of ETH?"}])
class SessionApp(TypedDict):
    """The app of a session, with messages to try."""

    id: str
    name: str
    examples: list[Example]


@exact_schema(apps=[{"id": "mycoindex", "name": "MyCoinDex"}, {"id": "default", "name": "Default"}])
class Apps(TypedDict):
    """The apps that the key opens, including `default`."""

    apps: list[ListedApp]


@exact_schema(status="ok")
class Health(TypedDict):
    """The check passed."""

    status: Literal["ok"]
