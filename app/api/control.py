"""Control actions on a session: model, user_state, title, app, wallet_result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.dialects import gen1
from app.errors import BadRequest, NotFound
from app.events import sse
from app.openapi.declare import KNOWN_SESSION, Parameter, RouteSpec, body, documented
from app.openapi.schemas import Choice, Chosen
from app.state.connection.store import dumps
from app.state.open_requests import pending
from app.state.sessions import Fields, status
from app.turns import client_replies
from app.web import model_choice, parsing
from app.web.current import services

bp = Blueprint("control", __name__)


_ACTION = Parameter("action", "path", "What to do.", lambda _: {"type": "string", "enum": list(ACTIONS)}, True)


@bp.post("/api/control/<action>")
@documented(Chosen, KNOWN_SESSION, RouteSpec((_ACTION,), (409,)), body(Choice))
def act(action: str) -> ResponseReturnValue:
    """Carry out `action`; answers `success` and what was set."""
    if gen1.sets_model(action):
        return gen1.set_model()
    session_id, session = parsing.known_session()
    if action not in ACTIONS:
        raise NotFound(f"There is no control action {action[:64]!r}; there are {', '.join(ACTIONS)}")
    return jsonify(success=True, **ACTIONS[action](session_id, session, parsing.body()))


def _model(session_id: str, session: Fields, body: dict[str, Any]) -> dict[str, Any]:
    model = parsing.text_of(body, "model", parsing.MODEL_CHARACTERS)
    model_choice.check_offered(session.get("app", ""), model)
    model_choice.choose(session_id, model)
    return {"model": model}


def _user_state(session_id: str, session: Fields, body: dict[str, Any]) -> dict[str, Any]:
    user_state = parsing.user_state_of(body)
    event = sse.state(session_id, status(session), user_state=user_state | pending(session))
    services().sessions.change(session_id, {"user_state": dumps(user_state)}, [event])
    return {"user_state": user_state}


def _title(session_id: str, session: Fields, body: dict[str, Any]) -> dict[str, Any]:
    title = parsing.text_of(body, "title", parsing.TITLE_CHARACTERS)
    services().sessions.rename(session_id, title)
    return {"title": title}


def _app(session_id: str, session: Fields, body: dict[str, Any]) -> dict[str, Any]:
    app = parsing.known_app(body)
    event = sse.state(session_id, status(session), app=app)
    services().sessions.change(session_id, {"app": app, "chosen_app": app}, [event])
    return {"app": app}


def _wallet_result(session_id: str, session: Fields, body: dict[str, Any]) -> dict[str, Any]:
    number, result = body.get("id"), parsing.object_of(body, "result", parsing.RESULT_BYTES)
    if not isinstance(number, int) or isinstance(number, bool):
        raise BadRequest("'id' must be the number of a client request, as its event says")
    client_replies.accept(services(), session, [number], result)
    return {"id": number}


ACTIONS: dict[str, Callable[[str, Fields, dict[str, Any]], dict[str, Any]]] = {
    "model": _model,
    "user_state": _user_state,
    "title": _title,
    "app": _app,
    "wallet_result": _wallet_result,
}
