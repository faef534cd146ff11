"""Control actions on a session: model, user_state, title, app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.api import inputs
from app.api.described import KNOWN_SESSION, Parameter, Part, body, described
from app.api.shapes import Choice, Chosen
from app.errors import BadRequest, NotFound
from app.services import services
from app.state.sessions import Fields, status
from app.state.store import dumps
from app.streaming import sse

bp = Blueprint("control", __name__)


_ACTION = Parameter("action", "path", "What to do.", lambda _: {"type": "string", "enum": list(ACTIONS)}, True)


@bp.post("/api/control/<action>")
@described(Chosen, KNOWN_SESSION, Part((_ACTION,)), body(Choice))
def act(action: str) -> ResponseReturnValue:
    """Carry out `action`; answers `success` and what was set."""
    session_id, session = inputs.known_session()
    if action not in ACTIONS:
        raise NotFound(f"There is no control action {action[:64]!r}; there are {', '.join(ACTIONS)}")
    return jsonify(success=True, **ACTIONS[action](session_id, session, inputs.body()))


def _model(session_id: str, session: Fields, body: dict[str, Any]) -> dict[str, Any]:
    model, catalog = inputs.text_of(body, "model", inputs.MODEL_CHARACTERS), services().catalog
    app, _ = catalog.choice(session.get("app", ""), "")
    if catalog.model(model) is None:
        raise BadRequest(f"There is no model {model!r}; see /api/session/models")
    if not catalog.offers(app, model):
        raise BadRequest(f"The session's app does not offer the model {model!r}; see /api/session/models")
    services().sessions.change(session_id, {"model": model}, [sse.model_changed(session_id, model)])
    return {"model": model}


def _user_state(session_id: str, session: Fields, body: dict[str, Any]) -> dict[str, Any]:
    user_state = inputs.user_state_of(body)
    event = sse.state(session_id, status(session), user_state=user_state)
    services().sessions.change(session_id, {"user_state": dumps(user_state)}, [event])
    return {"user_state": user_state}


def _title(session_id: str, session: Fields, body: dict[str, Any]) -> dict[str, Any]:
    title = inputs.text_of(body, "title", inputs.TITLE_CHARACTERS)
    services().sessions.rename(session_id, title)
    return {"title": title}


def _app(session_id: str, session: Fields, body: dict[str, Any]) -> dict[str, Any]:
    app = inputs.known_app(body)
    event = sse.state(session_id, status(session), app=app)
    services().sessions.change(session_id, {"app": app, "chosen_app": app}, [event])
    return {"app": app}


ACTIONS: dict[str, Callable[[str, Fields, dict[str, Any]], dict[str, Any]]] = {
    "model": _model,
    "user_state": _user_state,
    "title": _title,
    "app": _app,
}
