"""Control actions on a session: model, user_state, title, app, wallet_result, answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app import exact_json
from app.errors import NotFound
from app.events import sse
from app.openapi.declare import KNOWN_SESSION, Parameter, RouteSpec, body, documented
from app.openapi.schemas.answers import Answers
from app.openapi.schemas.requests import Choice, ChosenApp, ChosenModel, Titled, WalletResult
from app.openapi.schemas.responses import Chosen
from app.state.session_fields import Fields, session_status
from app.state.tools.open_requests import pending
from app.web import parsing
from app.web.access.caller import check_app_opens
from app.web.bodies import json_body, validated
from app.web.current import services
from app.web.messages import model_choice
from app.web.messages.answering import answer_calls, call_answer
from app.web.messages.turn_start import idempotency_key

bp = Blueprint("control", __name__)


_ACTION = Parameter("action", "path", "The action.", lambda _: {"type": "string", "enum": list(ACTIONS)}, True)


@bp.post("/api/control/<action>")
@documented(Chosen, KNOWN_SESSION, RouteSpec((_ACTION,), (401, 402, 403, 409, 429)), body(Choice))
def act(action: str) -> ResponseReturnValue:
    """Carry out `action`. The response has `success` and the value that was set."""
    session_id, session = parsing.known_session()
    if action not in ACTIONS:
        raise NotFound(f"There is no control action {action[:64]!r}; the actions are {', '.join(ACTIONS)}")
    return jsonify(success=True, **ACTIONS[action](session_id, session, json_body()))


def _model(session_id: str, session: Fields, body: dict[str, Any]) -> dict[str, Any]:
    model = validated(ChosenModel, body)["model"]
    model_choice.check_offered(session.get("app", ""), model)
    model_choice.choose(session_id, model)
    return {"model": model}


def _user_state(session_id: str, session: Fields, body: dict[str, Any]) -> dict[str, Any]:
    user_state = parsing.user_state_of(body)
    event = sse.state(session_id, session_status(session), user_state=user_state | pending(session))
    services().sessions.change(session_id, {"user_state": exact_json.dumps(user_state)}, [event])
    return {"user_state": user_state}


def _title(session_id: str, session: Fields, body: dict[str, Any]) -> dict[str, Any]:
    title = validated(Titled, body)["title"]
    services().sessions.rename(session_id, title)
    return {"title": title}


def _app(session_id: str, session: Fields, body: dict[str, Any]) -> dict[str, Any]:
    app = validated(ChosenApp, body)["app"]
    check_app_opens(app)
    event = sse.state(session_id, session_status(session), app=app)
    services().sessions.change(session_id, {"app": app, "chosen_app": app}, [event])
    return {"app": app}


def _wallet_result(session_id: str, session: Fields, body: dict[str, Any]) -> dict[str, Any]:
    sent = validated(WalletResult, body)
    services().client_replies.accept(session, [sent["id"]], sent["result"])
    return {"id": sent["id"]}


def _answer(session_id: str, session: Fields, body: dict[str, Any]) -> dict[str, Any]:
    sent = validated(Answers, body)
    answers = [call_answer(one) for one in sent["answers"]]
    accepted = answer_calls(session_id, answers, sent.get("thread_id"), idempotency_key(), request.get_data())
    return {"run_id": accepted.run_id, "awaiting": list(accepted.awaiting)}


ACTIONS: dict[str, Callable[[str, Fields, dict[str, Any]], dict[str, Any]]] = {
    "model": _model,
    "user_state": _user_state,
    "title": _title,
    "app": _app,
    "wallet_result": _wallet_result,
    "answer": _answer,
}
