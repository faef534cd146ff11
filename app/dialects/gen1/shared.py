"""The paths that gen-1 shares with the reference API. A JSON body with `text`, and `session_id` or another parameter of
the reference API in the query, are the reference API's; a message in the query, or only the session's header, is
gen-1's."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from app import exact_json
from app.dialects.gen1 import messages, requests
from app.state.conversation.histories import Snapshot
from app.state.session_fields import session_status, session_user_state
from app.state.turns.turn_requests import TurnRequest
from app.web import parsing
from app.web.access.admission import Admission
from app.web.access.caller import (
    authorized_app,
    bind_client,
    client_from_query,
    current_caller,
    is_of_another_client,
    opened_app,
)
from app.web.access.rate_limits import count_as_write
from app.web.bodies import raw_body
from app.web.current import services
from app.web.messages import model_choice

EMPTY = Snapshot({}, "", [])
"""A session that does not exist, as gen-1 clients see it: idle and empty."""

_NATIVE = frozenset({"session_id", "thread_id", "limit", "reasoning"})
"""Parameters that no gen-1 client sends."""


def sends() -> bool:
    """Whether a chat request is gen-1's."""
    return "message" in request.args and not _has_text(raw_body())


def polls() -> bool:
    """Whether a state or interrupt request is gen-1's."""
    return "X-Session-Id" in request.headers and not _NATIVE & request.args.keys()


def sets_model(action: str) -> bool:
    """Whether a control request is gen-1's."""
    return action == "model" and "rig" in request.args and not raw_body()


def send() -> ResponseReturnValue:
    """Accept a message. The response is the state, with the message in it."""
    session_id = parsing.session_id()
    session = services().sessions.get(session_id) or {}
    app = authorized_app(parsing.app_from_query() or session.get("chosen_app"))
    sent = requests.user_state_from_query()
    message = TurnRequest(
        text=parsing.text_of(request.args.to_dict(), "message", parsing.TEXT_CHARACTERS),
        app=app.id,
        model=services().catalog.choice(app.id, session.get("model", ""))[1],
        user_state=None if sent is None else requests.merged_user_state(session_user_state(session), sent),
    )
    owner = parsing.optional_text_of(request.args.to_dict(), "public_key", parsing.PUBLIC_KEY_CHARACTERS)
    Admission.of(services()).admit(session_id, message, current_caller())
    if owner and not session.get("public_key"):
        services().sessions.set_public_key(session_id, owner)
    return jsonify(_state(session_id))


def poll() -> ResponseReturnValue:
    """The state and the events that were not fetched yet. A session that does not exist is idle and empty.

    A poll that changes the session's client or user state is limited as a writing request.
    """
    session_id = parsing.session_id()
    if is_of_another_client(session_id):
        count_as_write()
        services().vault.introduce(session_id, client_from_query())
    sent = requests.user_state_from_query()
    session = services().sessions.get(session_id) if sent is not None else None
    if sent is not None and session is not None:
        requests.save_user_state(session_id, session, sent)
    state = _state(session_id)
    if sent is not None and session is None:
        state["user_state"] = requests.merged_user_state({}, sent) | state["user_state"]
    return jsonify(state)


def interrupt() -> ResponseReturnValue:
    """Stop all turns, including waiting ones: this client knows only one turn at a time."""
    session_id = parsing.session_id()
    stopped = services().turns.interrupt(session_id)
    services().turns.interrupt_all(session_id)
    return jsonify(_state(session_id) | {"is_processing": False, "interrupted": stopped})


def set_model() -> ResponseReturnValue:
    """Set the session's model, and create the session if needed."""
    session_id = parsing.session_id()
    app_id = opened_app(parsing.app_from_query())
    model = parsing.text_of(request.args.to_dict(), "rig", parsing.MODEL_CHARACTERS)
    session = services().sessions.get(session_id) or {}
    model_choice.check_offered(app_id or session.get("app", ""), model)
    created = services().sessions.create(session_id, {})
    bind_client(session_id)
    model_choice.choose(session_id, model)
    return jsonify(success=True, rig=model, baml=model, created=created)


def _state(session_id: str) -> dict[str, Any]:
    """The state of a session. Events are read first, so that the state contains what they announce."""
    events = services().client_requests.fetch_events(session_id)
    snapshot = services().sessions.histories.snapshot(session_id, None) or EMPTY
    session = snapshot.session
    return {
        "messages": messages.messages(snapshot),
        "system_events": messages.system_events(events, session),
        "title": session.get("title", ""),
        "is_processing": session_status(session) == "processing",
        "user_state": messages.full_user_state(session),
    }


def _has_text(body: bytes) -> bool:
    try:
        value = exact_json.strict(body)
    except ValueError:
        return False
    return isinstance(value, dict) and bool({"text", "regenerate"} & value.keys())
