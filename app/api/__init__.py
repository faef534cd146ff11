"""The HTTP API: one blueprint a resource. A view reads the request, makes one domain call, answers."""

from __future__ import annotations

from flask import Flask

from app.api import access_log, catalog, chat, control, failures, health, openapi, sessions, state, threads, updates


def register(app: Flask) -> None:
    """Mount every blueprint, and answer every error in the documented form."""
    failures.register(app)
    access_log.register(app)
    for module in (sessions, threads, chat, state, updates, control, catalog, health, openapi):
        app.register_blueprint(module.bp)
