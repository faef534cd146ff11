"""Pages for people: the playground and the API documents."""

from __future__ import annotations

from flask import Flask

from app.config import Settings
from app.pages import api_docs, openapi, playground


def register(app: Flask, settings: Settings) -> None:
    """Mount the pages; the playground unless AOMI_PLAYGROUND turns it off."""
    app.register_blueprint(openapi.bp)
    app.register_blueprint(api_docs.bp)
    if settings.playground:
        app.register_blueprint(playground.bp)
