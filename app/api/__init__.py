"""The HTTP API: one blueprint a resource. A view reads the request, makes one domain call, answers."""

from __future__ import annotations

from flask import Flask

from app.api import catalog, chat, control, health, metrics, sessions, state, threads, updates, usage
from app.dialects.gen1 import events, routes, vault
from app.pages import api_docs, openapi, playground
from app.services import Services
from app.web import (
    access_log,
    cors,
    error_handlers,
    rate_limits,
    request_ids,
    request_spans,
    security_headers,
    session_auth,
)


def register(app: Flask, services: Services) -> None:
    """Mount every blueprint, and answer every error in the documented form."""
    error_handlers.register(app)
    request_ids.register(app)
    access_log.register(app)
    request_spans.register(app)
    security_headers.register(app)
    cors.register(app)
    rate_limits.register(app)
    session_auth.register(app)
    resources = (sessions, threads, chat, state, updates, control, catalog, usage, health, openapi, api_docs)
    for module in (*resources, routes, events, vault):
        app.register_blueprint(module.bp)
    playground.register(app, services)
    metrics.register(app, services)
