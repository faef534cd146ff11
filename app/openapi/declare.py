"""Declarations of operations beside their views: parameters, body, responses. `document` makes /openapi.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar
from weakref import WeakKeyDictionary

from app.config import Settings
from app.web import pages, parsing, session_ids

Schema = Mapping[str, Any]
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Parameter:
    """A parameter. `schema`, without which it is any string, and `required` may depend on the settings. Parameters of
    the same name and place are one component of the document, unless they are `of` different things."""

    name: str
    where: Literal["header", "query", "path"]
    description: str
    schema: Schema | Callable[[Settings], Schema] | None = None
    required: bool | Callable[[Settings], bool] = False
    of: str = ""


@dataclass(frozen=True)
class RouteSpec:
    """A part that operations have in common: parameters, statuses of refusals, API key, body. The body is JSON of the
    type `body`, or a file of one of the `media_types`."""

    parameters: tuple[Parameter, ...] = ()
    refusals: tuple[int, ...] = ()
    key: Literal["optional", "required"] | None = None
    body: Any = None
    body_required: bool = True
    media_types: tuple[str, ...] = ()


@dataclass(frozen=True)
class Events:
    """A response that streams events of the type `kind`, with additional `headers` (name: description)."""

    kind: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class JsonOrEvents:
    """A response with JSON of the type `kind`; if the client asks for a stream, one of events of the type `event`."""

    kind: Any
    event: Any


@dataclass(frozen=True)
class Created:
    """A response with status 201 and JSON of the type `kind`."""

    kind: Any


@dataclass(frozen=True)
class Download:
    """A response with the bytes of a file of one of the `media_types`."""

    media_types: tuple[str, ...]


@dataclass(frozen=True)
class Operation:
    """A view's declaration. `response` is the type of its JSON, or `Events`, `JsonOrEvents`, `Created` or `Download`;
    `no_content` says when it is 204; `accepted` is the type of its JSON if the client prefers not to wait (202)."""

    response: Any
    parts: tuple[RouteSpec, ...]
    no_content: str = ""
    accepted: Any = None


_operations: WeakKeyDictionary[Callable[..., Any], Operation] = WeakKeyDictionary()
_pages: set[Callable[..., Any]] = set()


def documented(response: Any, *parts: RouteSpec, no_content: str = "", accepted: Any = None) -> Callable[[View], View]:
    """Declare parameters and responses of a view."""

    def declare(view: View) -> View:
        _operations[view] = Operation(response, parts, no_content, accepted)
        return view

    return declare


def documented_as(original: Callable[..., Any], or_response: Any = None) -> Callable[[View], View]:
    """Declare a view that wraps `original`: the same declaration, or also JSON of the type `or_response`."""

    def declare(view: View) -> View:
        declared = _operations[original]
        _operations[view] = replace(declared, response=declared.response | or_response) if or_response else declared
        return view

    return declare


def page(view: View) -> View:
    """Declare that a view serves a page for people: it is not an operation of the API."""
    _pages.add(view)
    return view


def is_page(view: Callable[..., Any]) -> bool:
    """Whether the view serves a page, which the document leaves out."""
    return view in _pages


def operation(view: Callable[..., Any]) -> Operation:
    """The view's declaration. Raises `KeyError` if it has none."""
    return _operations[view]


# Parts that several resources share


def body(kind: Any, required: bool = True) -> RouteSpec:
    """A JSON body of a type."""
    return RouteSpec(refusals=(400, 413), body=kind, body_required=required)


def upload(*media_types: str) -> RouteSpec:
    """A body that is a file."""
    return RouteSpec(refusals=(400, 409, 413, 415), media_types=media_types)


def query(name: str, description: str) -> RouteSpec:
    """An optional parameter of the query."""
    return RouteSpec((Parameter(name, "query", description),))


def _session_schema(settings: Settings) -> Schema:
    if settings.session_id_format == "uuid":
        return {"type": "string", "format": "uuid", "pattern": f"^{session_ids.UUID.pattern}$"}
    return {"type": "string", "pattern": f"^({session_ids.UUID.pattern}|{session_ids.TOKEN.pattern})$"}


_OR = "Header X-Session-Id or query session_id; if both are sent, they must be equal."
_SESSION = (
    Parameter("X-Session-Id", "header", f"The session. {_OR}", _session_schema),
    Parameter("session_id", "query", f"The session. {_OR}", _session_schema),
)
_AFTER: Schema = {"type": "string", "pattern": f"^({parsing.EVENT_ID.pattern})?$"}

_PUBLIC_KEY = Parameter(
    "public_key",
    "query",
    "The owner. Where sessions have owners, only the caller's are listed, and it may be left out.",
    {"type": "string", "minLength": 1, "maxLength": parsing.PUBLIC_KEY_CHARACTERS},
    required=lambda settings: not settings.owners,
)
LISTED = RouteSpec((_PUBLIC_KEY,), (400,))
SESSION = RouteSpec(_SESSION, (400,))
KNOWN_SESSION = RouteSpec(_SESSION, (400, 404))
SESSION_PATH = RouteSpec((Parameter("session_id", "path", "The session.", _session_schema, True),), (400, 404))
THREAD_PATH = RouteSpec((Parameter("thread_id", "path", "A thread of the session.", required=True),))
LAST_EVENT_ID = RouteSpec((Parameter("Last-Event-ID", "header", "Resume after this event.", _AFTER),), (400,))
STARTING_AFTER = RouteSpec((Parameter("starting_after", "query", "As Last-Event-ID.", _AFTER),), (400,))
IDS = query("ids", "`1` puts an `id:` line into each frame.")
USAGE = query("usage", "`1` adds model, times and usage of turns whose message asked to keep them.")
REASONING = query("reasoning", "`1` adds what the model thinks, unless its app hides it.")
_MESSAGES_LIMIT = Parameter(
    "limit",
    "query",
    f"Messages, at most {pages.MAX_MESSAGES}. Without it, {pages.DEFAULT_MESSAGES} of a page, or all of `/api/state`.",
    {"type": "string", "pattern": f"^({pages.MESSAGES_LIMIT.pattern})$"},
    of="messages",
)
_BEFORE = Parameter("before", "query", "The id of a message: those before it. Without it, the newest messages.")
MESSAGES_LIMIT = RouteSpec((_MESSAGES_LIMIT,), (400,))
PAGE_OF_MESSAGES = RouteSpec((_MESSAGES_LIMIT, _BEFORE), (400,))
PAGED = RouteSpec(
    (
        Parameter(
            "limit",
            "query",
            f"Items of a page, at most {pages.MAX_ITEMS}, which is the default.",
            {"type": "string", "pattern": f"^{pages.LIMIT.pattern}$"},
        ),
        Parameter(
            "cursor",
            "query",
            "As in the header `Link` of the page before.",
            {"type": "string", "pattern": f"^{pages.CURSOR.pattern}$"},
        ),
    ),
    (400,),
)
KEY = RouteSpec(refusals=(401,), key="required")
APP = RouteSpec(
    (
        Parameter("app", "query", "The app; by default the session's, else `default`."),
        Parameter("namespace", "query", "Another name of `app`."),
    ),
    (401, 403, 404),
    key="optional",
)
