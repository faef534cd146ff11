"""Models: the apps that the caller may use."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.dialects.openai import schemas
from app.openapi.declare import Parameter, RouteSpec, documented
from app.web.access.caller import authorized_app, opened_apps

bp = Blueprint("openai_models", __name__, url_prefix="/v1/models")

_PATH = RouteSpec((Parameter("model", "path", "An app.", required=True),), (403, 404))
_KEY = RouteSpec(refusals=(401,), key="optional")


@bp.get("")
@documented(schemas.ModelList, _KEY)
def every() -> ResponseReturnValue:
    """The apps that the API key opens, and the default app."""
    return jsonify(object="list", data=[_model(app.id) for app in opened_apps()])


@bp.get("/<model>")
@documented(schemas.ModelObject, _KEY, _PATH)
def show(model: str) -> ResponseReturnValue:
    """One app."""
    return jsonify(_model(authorized_app(model).id))


def _model(app: str) -> schemas.ModelObject:
    """Nobody knows when an app was made."""
    return {"id": app, "object": "model", "created": 0, "owned_by": "aomi"}
