"""AOMI_REQUIRE_KEY_FOR_SESSIONS: reading or changing a session of an app needs a key for that app, as chat does."""

from __future__ import annotations

from flask import Flask, request

from app.errors import Unauthorized
from app.web import parsing
from app.web.caller import api_key, authorized_app
from app.web.current import services

WITHOUT_SESSION = frozenset({"catalog", "usage", "health", "gen1", "docs", "openapi", "metrics", "playground"})
"""Blueprints that show nothing of a session."""


def register(app: Flask) -> None:
    """Check the key before the views of `app`, if the operator turned this on."""
    app.before_request(_check_key)


def _check_key() -> None:
    off = not services().settings.require_key_for_sessions
    if off or request.blueprint is None or request.blueprint in WITHOUT_SESSION:
        return
    session_id = (request.view_args or {}).get("session_id") or parsing.optional_session_id()
    if session_id is None:
        if request.endpoint == "sessions.of_public_key" and api_key() is None:
            raise Unauthorized("An API key is needed to list sessions: send it as X-API-Key")
        return
    session = services().sessions.get(parsing.checked_session_id(session_id))
    if session and session.get("app") and services().catalog.app(session["app"]):
        authorized_app(session["app"])
