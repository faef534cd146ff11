"""Health checks for load balancers and process supervisors."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.openapi.declare import documented
from app.openapi.schemas.responses import Health
from app.web import readiness

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@documented(Health)
def alive() -> ResponseReturnValue:
    """This process serves requests."""
    return jsonify(status="ok")


@bp.get("/readyz")
@documented(Health)
def ready() -> ResponseReturnValue:
    """This process is not stopping, Redis takes writes, and a worker has sent a heartbeat within two leases."""
    readiness.check()
    return jsonify(status="ok")
