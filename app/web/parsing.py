"""The contents of a request, checked once: session ids, texts, objects. Each refusal says what would be right."""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

from flask import request

from app import exact_json
from app.errors import BadRequest, NotFound
from app.state.session_fields import Fields
from app.state.tools.open_requests import SERVER_FIELDS
from app.web import session_ids
from app.web.access import users
from app.web.current import services

NOT_BLANK = re.compile(r"[^\s\x1c-\x1f\x85\ufeff]")  # Python's \s and JavaScript's \s differ: this is blank in either

MESSAGE_ID = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")
OUR_MESSAGE_ID = re.compile(r"(msg|run)_")
"""How the ids begin that the server gives messages."""

EVENT_NUMBER = re.compile(r"[0-9]{1,15}")
EVENT_ID = re.compile(r"(?:.*:)?([0-9]{1,15})", re.DOTALL)

RESPOND_ASYNC = "respond-async"

TEXT_CHARACTERS = 32_000
TITLE_CHARACTERS = 200
MODEL_CHARACTERS = 256
THREAD_CHARACTERS = 128
MESSAGE_ID_CHARACTERS = 128
APP_CHARACTERS = 64
CLIENT_ID_CHARACTERS = 256
PUBLIC_KEY_CHARACTERS = 256
IDEMPOTENCY_KEY_CHARACTERS = 255
USER_STATE_BYTES = 16 * 1024
RESULT_BYTES = 16 * 1024
FORMAT_BYTES = 32 * 1024
ARGS_BYTES = 64 * 1024
CALL_ID_CHARACTERS = 512
ANSWER_CHARACTERS = 4000

NO_SESSION = users.NO_SESSION
NO_BEFORE = "The thread's active branch has no message with the id of 'before'; leave it out for the newest messages"
NO_THREAD = "There is no such thread in this session; GET /api/sessions/{id} lists its threads"
NO_MESSAGE = "There is no such message in this thread; GET /api/state shows its messages"
SEE_APPS = "see /api/session/apps"

OnBusy = Literal["enqueue", "reject", "interrupt"]
ON_BUSY = get_args(OnBusy)


# The session


def session_id() -> str:
    """The session id of the header or the query, of a session that the caller may use.

    Raises `BadRequest`; with owners, `Unauthorized` without a user, `NotFound` for a stranger's session.
    """
    sent = optional_session_id()
    if sent is None:
        raise BadRequest("A session id is needed: header X-Session-Id or query session_id, a UUID")
    return sent


def optional_session_id() -> str | None:
    """As `session_id`, None when there is none."""
    sent = session_ids.named_session_id()
    if sent is not None:
        users.check_owner(sent)
    return sent


def checked_session_id(value: str) -> str:
    """The id in lower case, of a session that the caller may use.

    Raises `BadRequest` when it is malformed; with owners, `Unauthorized` without a user, `NotFound` for a stranger's.
    """
    session_id = session_ids.formed_session_id(value)
    users.check_owner(session_id)
    return session_id


def known_session() -> tuple[str, Fields]:
    """The id and the fields of the request's session. Raises `BadRequest`, `NotFound`."""
    sent = session_id()
    return sent, session_or_404(sent)


def session_or_404(session_id: str) -> Fields:
    """The session's fields. Raises `NotFound`."""
    fields = services().sessions.get(session_id)
    if fields is None:
        raise NotFound(NO_SESSION)
    return fields


# The app


def app_from_query() -> str | None:
    """The app that the query names, by either of two names."""
    return request.args.get("app") or request.args.get("namespace")


def wants_reasoning() -> bool:
    """Whether the query asks for what the model thinks."""
    return request.args.get("reasoning") == "1"


def prefers_async() -> bool:
    """Whether the client prefers not to wait for the turn: RFC 7240, `Prefer: respond-async`, among others perhaps."""
    preferences = request.headers.get("Prefer", "")  # several headers are one in WSGI
    return any(re.split("[;=]", one)[0].strip().lower() == RESPOND_ASYNC for one in preferences.split(","))


# Fields of a body or a query


def text_of(fields: dict[str, Any], name: str, limit: int) -> str:
    """A string that is not blank, at most `limit` characters. Raises `BadRequest`."""
    value = fields.get(name)
    if not isinstance(value, str) or not NOT_BLANK.search(value):
        raise BadRequest(f"{name!r} must be a string that is not blank")
    if len(value) > limit:
        raise BadRequest(f"{name!r} may have at most {limit:,} characters, it has {len(value):,}")
    return value


def optional_text_of(fields: dict[str, Any], name: str, limit: int) -> str:
    """As `text_of`, '' when it is missing or null."""
    return "" if fields.get(name) is None else text_of(fields, name, limit)


def object_of(value: Any, name: str, limit: int) -> dict[str, Any]:
    """A JSON object of at most `limit` bytes. Raises `BadRequest`."""
    if not isinstance(value, dict):
        raise BadRequest(f"{name!r} must be a JSON object")
    try:
        size = len(exact_json.checked(value))
    except exact_json.TooDeep:
        raise BadRequest(f"{name!r} is nested too deeply: at most about 240 levels") from None
    if size > limit:
        raise BadRequest(f"{name!r} may have at most {limit // 1024} KiB")
    return value


def user_state_of(value: Any) -> dict[str, Any]:
    """A user state as the client sent it, without the parts that only the server sets. Raises `BadRequest`."""
    if not isinstance(value, dict):
        raise BadRequest('\'user_state\' must be a JSON object, such as {"address": "0x...", "chain_id": 1}')
    own = {name: part for name, part in value.items() if name not in SERVER_FIELDS}
    return object_of(own, "user_state", USER_STATE_BYTES)


def message_id_of(value: Any) -> Any:
    """A client's own id of a message, checked where a pattern cannot. Raises `BadRequest`."""
    if isinstance(value, str) and not (value.isprintable() and value.strip()):
        raise BadRequest(f"'message_id' must be 1 to {MESSAGE_ID_CHARACTERS} printable characters")
    return value


def event_number_of(value: str, name: str) -> int:
    """An event number such as `17`, or the end of `run_...:17`. Raises `BadRequest`."""
    match = EVENT_ID.fullmatch(value)
    if match is None:
        raise BadRequest(f"{name} must be the id of an event of this stream, such as 17")
    return int(match[1])
