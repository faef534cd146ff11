"""The models and apps that the caller may use."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

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
    session_id = parsing.optional_session_id()
    session = parsing.session_or_404(session_id) if session_id else {}
    catalog = services().catalog
    app, _ = catalog.choice(session.get("app", ""), "")
    offered = [
        {"id": model.model_name, "name": model.display_name, "provider": model.provider}
        for model in catalog.models_of(app)
    ]
    return jsonify(models=offered)


@bp.get("/apps")
@documented(responses.Apps, KEY)
def apps() -> ResponseReturnValue:
    """The apps that the API key opens, and the default app."""
    if current_user() is None:
        required_api_key()
    return jsonify(apps=[{"id": app.id, "name": app.name} for app in opened_apps()])
