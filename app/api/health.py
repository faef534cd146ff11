"""Health checks for load balancers and process supervisors."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.errors import NotReady
from app.openapi.declare import documented
from app.openapi.schemas.responses import Health
from app.web.current import services

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@documented(Health)
def alive() -> ResponseReturnValue:
    """This process serves requests."""
    return jsonify(status="ok")


@bp.get("/readyz")
@documented(Health)
def ready() -> ResponseReturnValue:
    """Redis answers and takes writes, and a worker has sent a heartbeat within two leases."""
    if refusal := services().write_check.refusal():
        raise NotReady(f"Redis takes no writes: {refusal}")
    if not services().jobs.workers():
        raise NotReady("No worker has sent a heartbeat lately; start one with: python -m workers")
    return jsonify(status="ok")
