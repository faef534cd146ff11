"""The HTTP API: one blueprint a resource. A view reads the request, makes one domain call, answers."""

from __future__ import annotations

from flask import Flask

from app.api import (
    access_log,
    catalog,
    chat,
    control,
    cors,
    docs,
    failures,
    guard,
    headers,
    health,
    limiting,
    metrics,
    openapi,
    playground,
    request_ids,
    sessions,
    state,
    threads,
    traces,
    updates,
    usage,
)
from app.api.gen1 import events, routes, vault
from app.services import Services


def register(app: Flask, services: Services) -> None:
    """Mount every blueprint, and answer every error in the documented form."""
    failures.register(app)
    request_ids.register(app)
    access_log.register(app)
    traces.register(app)
    headers.register(app)
    cors.register(app)
    limiting.register(app)
    guard.register(app)
    resources = (sessions, threads, chat, state, updates, control, catalog, usage, health, openapi, docs)
    for module in (*resources, routes, events, vault):
        app.register_blueprint(module.bp)
    playground.register(app, services)
    metrics.register(app, services)
