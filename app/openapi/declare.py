"""What an operation takes and answers, declared beside its view. `document` makes the OpenAPI document out of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar
from weakref import WeakKeyDictionary

from app.config import Settings
from app.web import parsing

Schema = Mapping[str, Any]
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Parameter:
    """A parameter, any string if it has no `schema`, which may hang on the settings."""

    name: str
    where: Literal["header", "query", "path"]
    description: str
    schema: Schema | Callable[[Settings], Schema] | None = None
    required: bool = False


@dataclass(frozen=True)
class RouteSpec:
    """Something that operations have in common: what they take, how they refuse it (statuses), which keys they ask."""

    parameters: tuple[Parameter, ...] = ()
    refusals: tuple[int, ...] = ()
    key: Literal["optional", "required"] | None = None
    body: Any = None
    body_required: bool = True


@dataclass(frozen=True)
class Events:
    """An answer that streams events of the type `kind`, with `headers` (by name, their description) of its own."""

    kind: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Operation:
    """A view's declaration. `answer` is the type of its JSON, or `Events`; `no_content` says when it answers 204."""

    answer: Any
    parts: tuple[RouteSpec, ...]
    no_content: str = ""


_operations: WeakKeyDictionary[Callable[..., Any], Operation] = WeakKeyDictionary()
_pages: set[Callable[..., Any]] = set()


def documented(answer: Any, *parts: RouteSpec, no_content: str = "") -> Callable[[View], View]:
    """Declare what a view takes and answers."""

    def declare(view: View) -> View:
        _operations[view] = Operation(answer, parts, no_content)
        return view

    return declare


def documented_as(original: Callable[..., Any], or_answer: Any = None) -> Callable[[View], View]:
    """Declare a view that wraps `original`: it takes and answers the same, or also JSON of the type `or_answer`."""

    def declare(view: View) -> View:
        declared = _operations[original]
        _operations[view] = replace(declared, answer=declared.answer | or_answer) if or_answer else declared
        return view

    return declare


def page(view: View) -> View:
    """Declare that a view serves people, in a browser: it is no operation of the API."""
    _pages.add(view)
    return view


def is_page(view: Callable[..., Any]) -> bool:
    """Whether the view serves people and is left out of the document."""
    return view in _pages


def operation(view: Callable[..., Any]) -> Operation:
    """The view's declaration. Raises `KeyError` when it has none."""
    return _operations[view]


# What several resources take


def body(kind: Any, required: bool = True) -> RouteSpec:
    """A JSON body of a type."""
    return RouteSpec(refusals=(400, 413), body=kind, body_required=required)


def query(name: str, description: str) -> RouteSpec:
    """A parameter of the query that may be left out."""
    return RouteSpec((Parameter(name, "query", description),))


def _session_schema(settings: Settings) -> Schema:
    if settings.session_id_format == "uuid":
        return {"type": "string", "format": "uuid", "pattern": f"^{parsing.UUID.pattern}$"}
    return {"type": "string", "pattern": f"^({parsing.UUID.pattern}|{parsing.TOKEN.pattern})$"}


_OR = "Header X-Session-Id or query session_id; both are fine when they say the same."
_SESSION = (
    Parameter("X-Session-Id", "header", f"The session. {_OR}", _session_schema),
    Parameter("session_id", "query", f"The session. {_OR}", _session_schema),
)
_AFTER: Schema = {"type": "string", "pattern": f"^({parsing.EVENT_ID.pattern})?$"}

SESSION = RouteSpec(_SESSION, (400,))
KNOWN_SESSION = RouteSpec(_SESSION, (400, 404))
SESSION_PATH = RouteSpec((Parameter("session_id", "path", "The session.", _session_schema, True),), (400, 404))
THREAD_PATH = RouteSpec((Parameter("thread_id", "path", "A thread of the session.", required=True),))
LAST_EVENT_ID = RouteSpec((Parameter("Last-Event-ID", "header", "Brings what came after this event.", _AFTER),), (400,))
STARTING_AFTER = RouteSpec((Parameter("starting_after", "query", "As Last-Event-ID.", _AFTER),), (400,))
IDS = query("ids", "`1` puts an `id:` line into each frame.")
KEY = RouteSpec(refusals=(401,), key="required")
APP = RouteSpec(
    (
        Parameter("app", "query", "The app; without it the session's, or `default`."),
        Parameter("namespace", "query", "Another name of `app`."),
    ),
    (401, 403, 404),
    key="optional",
)
