"""Paths of gen-1 for the catalog."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.openapi.declare import SESSION, RouteSpec, documented
from app.web import parsing
from app.web.access.caller import opened_app, opened_apps
from app.web.current import services

bp = Blueprint("gen1", __name__)


@bp.get("/api/control/apps")
@documented(list[str], RouteSpec(refusals=(401,), key="optional"))
def apps() -> ResponseReturnValue:
    """The ids of the apps that the API key opens, always including `default`, as a bare array."""
    return jsonify([app.id for app in opened_apps()])


@bp.get("/api/control/models")
@documented(list[str], SESSION)
def models() -> ResponseReturnValue:
    """The ids of the models that the session's app offers, or the app of the query if the API key opens it, as a bare
    array."""
    session_id = parsing.optional_session_id()
    session = (services().sessions.get(session_id) if session_id else None) or {}
    catalog = services().catalog
    app, _ = catalog.choice(opened_app(parsing.app_from_query()) or session.get("app", ""), "")
    return jsonify([model.model_name for model in catalog.models_of(app)])
