"""The models and apps that the caller may use."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.catalog import App
from app.openapi.declare import KEY, KNOWN_SESSION, documented
from app.openapi.schemas import responses
from app.web import parsing
from app.web.access.caller import opened_apps, required_api_key
from app.web.access.users import current_user
from app.web.current import services

bp = Blueprint("catalog", __name__, url_prefix="/api/session")


@bp.get("/models")
@documented(responses.Models, KNOWN_SESSION)
def models() -> ResponseReturnValue:
    """The models of the session's app; without a session, those of the default app."""
    offered = [
        {"id": model.model_name, "name": model.display_name, "provider": model.provider}
        for model in services().catalog.models_of(_app_of_session())
    ]
    return jsonify(models=offered)


@bp.get("/app")
@documented(responses.SessionApp, KNOWN_SESSION)
def app_of_session() -> ResponseReturnValue:
    """The session's app with messages to try; without a session, the default app."""
    app = _app_of_session()
    return jsonify(id=app.id, name=app.name, examples=_examples(app))


@bp.get("/apps")
@documented(responses.Apps, KEY)
def apps() -> ResponseReturnValue:
    """The apps that the API key opens, and the default app."""
    if current_user() is None:
        required_api_key()
    return jsonify(apps=[_listed(app) for app in opened_apps()])


def _app_of_session() -> App:
    session_id = parsing.optional_session_id()
    session = parsing.session_or_404(session_id) if session_id else {}
    app, _ = services().catalog.choice(session.get("app", ""), "")
    return app


def _listed(app: App) -> dict[str, Any]:
    named = {"id": app.id, "name": app.name}
    return named | ({"examples": _examples(app)} if app.examples else {})


def _examples(app: App) -> list[dict[str, str]]:
    return [{"title": one.title, "text": one.text} for one in app.examples]
