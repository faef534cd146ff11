"""System messages from the client, system events to it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app import exact_json
from app.dialects.gen1 import messages, requests
from app.dialects.gen1.schemas import SystemAnswer
from app.errors import ApiError, BadRequest
from app.events.types import TRANSACTION, TYPED_DATA
from app.openapi.declare import SESSION, Parameter, RouteSpec, documented
from app.state.tools.client_requests import MAX_MAILBOX_EVENTS
from app.web import parsing
from app.web.current import services

bp = Blueprint("gen1_events", __name__)

MESSAGE_CHARACTERS = 65_536
_TEXT = {"type": "string", "pattern": r"\S", "maxLength": MESSAGE_CHARACTERS}
_MESSAGE = RouteSpec((Parameter("message", "query", "JSON text with type and payload.", _TEXT, True),))
_COUNT_SCHEMA = {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"}
_COUNT = RouteSpec((Parameter("count", "query", "The maximum number of events.", _COUNT_SCHEMA),), (400,))

REPLIES = {
    "wallet:tx_complete": (TRANSACTION, "pending_tx_ids"),
    "wallet_eip712_response": (TYPED_DATA, "pending_eip712_id"),
}
"""By the type of a system message: the kind of request it replies to, and the field that names the requests."""

WALLET_CHANGED = "wallet:state_changed"


@bp.post("/api/system")
@documented(SystemAnswer, SESSION, _MESSAGE)
def system() -> ResponseReturnValue:
    """Take a system message of the client. Refusals are also 200, with the reason: else the client throws."""
    session_id = parsing.session_id()
    text = parsing.text_of(request.args.to_dict(), "message", MESSAGE_CHARACTERS)
    kind, payload = _read(text)
    try:
        if kind in REPLIES:
            _accept_reply(session_id, kind, payload)
        elif kind == WALLET_CHANGED:
            _wallet_changed(session_id, payload)
    except ApiError as error:
        text = f"Refused: {error}"
    return jsonify(res=messages.plain("system", text, services().clock.now_iso()))


@bp.get("/api/events")
@documented(list[dict[str, Any]], SESSION, _COUNT)
def fetch() -> ResponseReturnValue:
    """The next events, oldest first, at most `count`. Each is delivered once, here or with the state."""
    session_id = parsing.session_id()
    sent = request.args.get("count", str(MAX_MAILBOX_EVENTS))
    if not (sent.isascii() and sent.isdigit() and 0 < len(sent) < 10 and int(sent) > 0):
        raise BadRequest("'count' must be a positive whole number")
    events = services().client_requests.fetch_events(session_id, min(int(sent), MAX_MAILBOX_EVENTS))
    return jsonify(messages.system_events(events, services().sessions.get(session_id) or {}))


def _read(text: str) -> tuple[str, dict[str, Any]]:
    """Type and payload of a system message; empty for any other text."""
    try:
        value = exact_json.strict(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return "", {}
    kind, payload = (value.get("type"), value.get("payload")) if isinstance(value, dict) else (None, None)
    return (kind, payload) if isinstance(kind, str) and isinstance(payload, dict) else ("", {})


def _accept_reply(session_id: str, kind: str, payload: dict[str, Any]) -> None:
    result = parsing.object_of(payload, "payload", parsing.RESULT_BYTES)
    session = services().sessions.get(session_id) or {}
    wanted, name = REPLIES[kind]
    services().client_replies.accept(session, requests.request_numbers(session, wanted, payload.get(name)), result)


def _wallet_changed(session_id: str, payload: dict[str, Any]) -> None:
    sent = requests.snake_case(parsing.user_state_of(payload))
    services().sessions.create(session_id, {})
    requests.save_user_state(session_id, parsing.session_or_404(session_id), sent)
