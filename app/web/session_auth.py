"""AOMI_REQUIRE_KEY_FOR_SESSIONS: whoever reads or changes a session of an app needs that app's key, as for chat."""

from __future__ import annotations

from flask import Flask, request

from app.errors import Unauthorized
from app.web import parsing
from app.web.current import services

OPEN = frozenset({"catalog", "usage", "health", "gen1", "docs", "openapi", "metrics", "playground"})
"""Blueprints that show no session."""


def register(app: Flask) -> None:
    """Ask the key before the views of `app`, where the operator wants it."""
    app.before_request(_ask)


def _ask() -> None:
    if not services().settings.require_key_for_sessions or request.blueprint is None or request.blueprint in OPEN:
        return
    session_id = (request.view_args or {}).get("session_id") or parsing.optional_session_id()
    if session_id is None:
        if request.endpoint == "sessions.of_public_key" and parsing.api_key() is None:
            raise Unauthorized("An API key is needed to list sessions: send it as X-API-Key")
        return
    session = services().sessions.get(parsing.checked_session_id(session_id))
    if session and session.get("app") and services().catalog.app(session["app"]):
        parsing.app_named(session["app"])
