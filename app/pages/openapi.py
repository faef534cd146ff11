"""/openapi.json: the OpenAPI document of this backend, with its settings."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, current_app
from flask.typing import ResponseReturnValue

from app import exact_json
from app.openapi.declare import documented
from app.web.current import services

bp = Blueprint("openapi", __name__)


@bp.get("/openapi.json")
@documented(dict[str, Any])
def show() -> ResponseReturnValue:
    """This document."""
    return Response(_rendered(current_app._get_current_object()), mimetype="application/json")  # type: ignore[attr-defined]


def _rendered(app: Flask) -> bytes:
    """The document, made for the first request, so that a start does not wait for it."""
    if "openapi" not in app.extensions:
        from app.openapi.document import document

        app.extensions["openapi"] = exact_json.dump_bytes(document(app, services().settings))
    return app.extensions["openapi"]
