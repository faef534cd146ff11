"""System messages in, system events out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app import exact_json
from app.dialects.gen1 import messages, requests
from app.dialects.gen1.schemas import SystemAnswer
from app.errors import ApiError, BadRequest
from app.openapi.declare import SESSION, Parameter, RouteSpec, documented
from app.state.client_requests import MAX_MAILBOX_EVENTS
from app.state.clock import now_iso
from app.state.open_requests import TRANSACTION, TYPED_DATA
from app.web import parsing
from app.web.current import services

bp = Blueprint("gen1_events", __name__)

MESSAGE_CHARACTERS = 65_536
_TEXT = {"type": "string", "pattern": r"\S", "maxLength": MESSAGE_CHARACTERS}
_MESSAGE = RouteSpec((Parameter("message", "query", "JSON with type and payload, as text.", _TEXT, True),))
_COUNT_SCHEMA = {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"}
_COUNT = RouteSpec((Parameter("count", "query", "How many at most.", _COUNT_SCHEMA),), (400,))

ANSWERS = {
    "wallet:tx_complete": (TRANSACTION, "pending_tx_ids"),
    "wallet_eip712_response": (TYPED_DATA, "pending_eip712_id"),
}
"""By the type of a system message: the kind of request that it answers, and where it names which."""

WALLET_CHANGED = "wallet:state_changed"


@bp.post("/api/system")
@documented(SystemAnswer, SESSION, _MESSAGE)
def system() -> ResponseReturnValue:
    """Take a message of the client's own. A refused answer is 200, too, with why: the client throws at all else."""
    session_id = parsing.session_id()
    text = parsing.text_of(request.args.to_dict(), "message", MESSAGE_CHARACTERS)
    kind, payload = _read(text)
    try:
        if kind in ANSWERS:
            _answer(session_id, kind, payload)
        elif kind == WALLET_CHANGED:
            _wallet_changed(session_id, payload)
    except ApiError as error:
        text = f"Refused: {error}"
    return jsonify(res=messages.plain("system", text, now_iso()))


@bp.get("/api/events")
@documented(list[dict[str, Any]], SESSION, _COUNT)
def fetch() -> ResponseReturnValue:
    """The events that nobody has fetched, oldest first, at most `count`; each is delivered once, here or with the
    state."""
    session_id = parsing.session_id()
    given = request.args.get("count", str(MAX_MAILBOX_EVENTS))
    if not (given.isascii() and given.isdigit() and 0 < len(given) < 10 and int(given) > 0):
        raise BadRequest("'count' must be a whole number from 1 on")
    events = services().client_requests.fetch_events(session_id, min(int(given), MAX_MAILBOX_EVENTS))
    return jsonify(messages.system_events(events, services().sessions.get(session_id) or {}))


def _read(text: str) -> tuple[str, dict[str, Any]]:
    """Type and payload of a system message; one that is no such thing has neither."""
    try:
        found = exact_json.strict(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return "", {}
    kind, payload = (found.get("type"), found.get("payload")) if isinstance(found, dict) else (None, None)
    return (kind, payload) if isinstance(kind, str) and isinstance(payload, dict) else ("", {})


def _answer(session_id: str, kind: str, payload: dict[str, Any]) -> None:
    result = parsing.object_of(payload, "payload", parsing.RESULT_BYTES)
    session = services().sessions.get(session_id) or {}
    wanted, name = ANSWERS[kind]
    services().client_replies.accept(session, requests.answered(session, wanted, payload.get(name)), result)


def _wallet_changed(session_id: str, payload: dict[str, Any]) -> None:
    given = requests.snake(parsing.user_state_of(payload))
    services().sessions.create(session_id, {})
    requests.keep_user_state(session_id, parsing.session_or_404(session_id), given)
