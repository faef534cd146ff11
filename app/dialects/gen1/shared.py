"""The paths that both dialects use. A JSON object with `text` is the reference's chat, `session_id` or `thread_id` in
the query its state and interrupt; a message in the query, or the session's header alone, is gen-1's."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from app import exact_json
from app.dialects.gen1 import messages, requests
from app.state.runs import TurnRequest
from app.state.session_fields import session_status, session_user_state
from app.state.sessions import Snapshot
from app.web import model_choice, parsing
from app.web.admission import Admission
from app.web.bodies import raw_body
from app.web.caller import authorized_app, bind_client, current_caller
from app.web.current import services

NOBODY = Snapshot({}, "", [])
"""A session that does not exist: to a gen-1 client, one that is idle and empty."""


def sends() -> bool:
    """Whether a chat request is gen-1's."""
    return "message" in request.args and not _has_text(raw_body())


def polls() -> bool:
    """Whether a state or interrupt request is gen-1's."""
    return "X-Session-Id" in request.headers and not {"session_id", "thread_id"} & request.args.keys()


def sets_model(action: str) -> bool:
    """Whether a control request is gen-1's."""
    return action == "model" and "rig" in request.args and not raw_body()


def send() -> ResponseReturnValue:
    """Accept a message; answers the state at once, the message in it."""
    session_id = parsing.session_id()
    session = services().sessions.get(session_id) or {}
    app = authorized_app(parsing.app_from_query() or session.get("chosen_app"))
    given = requests.given_user_state()
    message = TurnRequest(
        text=parsing.text_of(request.args.to_dict(), "message", parsing.TEXT_CHARACTERS),
        app=app.id,
        model=services().catalog.choice(app.id, session.get("model", ""))[1],
        user_state=None if given is None else requests.merged(session_user_state(session), given),
    )
    owner = parsing.optional_text_of(request.args.to_dict(), "public_key", parsing.PUBLIC_KEY_CHARACTERS)
    Admission.of(services()).admit(session_id, message, current_caller())
    if owner and not session.get("public_key"):
        services().sessions.own(session_id, owner)
    return jsonify(_state(session_id))


def poll() -> ResponseReturnValue:
    """The state and the events that nobody has fetched; a session that does not exist is idle and empty."""
    session_id = parsing.session_id()
    bind_client(session_id)
    given = requests.given_user_state()
    session = services().sessions.get(session_id) if given is not None else None
    if given is not None and session is not None:
        requests.keep_user_state(session_id, session, given)
    state = _state(session_id)
    if given is not None and session is None:
        state["user_state"] = requests.merged({}, given) | state["user_state"]
    return jsonify(state)


def interrupt() -> ResponseReturnValue:
    """Stop all turns, those that wait included: this client knows of one at a time, and takes the session as idle."""
    session_id = parsing.session_id()
    stopped = services().turns.interrupt(session_id)
    services().turns.interrupt_all(session_id)
    return jsonify(_state(session_id) | {"is_processing": False, "interrupted": stopped})


def set_model() -> ResponseReturnValue:
    """Choose the session's model, making the session where there is none."""
    session_id = parsing.session_id()
    app_id = parsing.app_from_query()
    model = parsing.text_of(request.args.to_dict(), "rig", 256)
    session = services().sessions.get(session_id) or {}
    model_choice.check_offered(app_id or session.get("app", ""), model)
    created = services().sessions.create(session_id, {})
    bind_client(session_id)
    model_choice.choose(session_id, model)
    return jsonify(success=True, rig=model, baml=model, created=created)


def _state(session_id: str) -> dict[str, Any]:
    """What every gen-1 answer about a session holds. Events come first: what they announce is in the state then."""
    events = services().client_requests.fetch_events(session_id)
    snapshot = services().sessions.snapshot(session_id, None) or NOBODY
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
        found = exact_json.strict(body)
    except ValueError:
        return False
    return isinstance(found, dict) and "text" in found
