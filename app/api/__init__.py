"""The reference API: one blueprint per resource. A view parses the request, makes one domain call and responds."""

from __future__ import annotations

from flask import Flask

from app.api import (
    catalog,
    chat,
    control,
    feedback,
    files,
    health,
    metrics,
    sessions,
    state,
    threads,
    tickets,
    updates,
    usage,
)
from app.config import Settings

RESOURCES = (sessions, threads, chat, files, state, updates, feedback, control, catalog, usage, health)


def register(app: Flask, settings: Settings) -> None:
    """Mount every resource; `/metrics` unless AOMI_METRICS turns it off; tickets where sessions have owners."""
    for resource in RESOURCES:
        app.register_blueprint(resource.bp)
    if settings.owners:
        app.register_blueprint(tickets.bp)
    if settings.metrics:
        app.register_blueprint(metrics.bp)
