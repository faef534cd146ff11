"""AOMI_REQUIRE_KEY_FOR_SESSIONS: reading or changing a session of an app needs a key for that app, as chat does."""

from __future__ import annotations

from flask import Flask, request

from app.errors import Unauthorized
from app.web import parsing
from app.web.access.caller import api_key, authorized_app
from app.web.access.users import current_user
from app.web.conventions import conventions
from app.web.current import services

WITHOUT_SESSION = frozenset({"catalog", "usage", "health", "docs", "openapi", "metrics", "playground"})
"""Blueprints that show nothing of a session."""

LIST = "sessions.of_public_key"


def register(app: Flask) -> None:
    """Check the key before the views of `app`, if the operator turned this on."""
    app.before_request(_check_key)


def _check_key() -> None:
    off = not services().settings.require_key_for_sessions
    shows_none = request.blueprint in WITHOUT_SESSION or not conventions().shows_sessions
    if off or request.blueprint is None or shows_none:
        return
    session_id = (request.view_args or {}).get("session_id") or parsing.optional_session_id()
    if session_id is None:
        if request.endpoint in (LIST, *conventions().lists) and not (api_key() or current_user()):
            raise Unauthorized("An API key is needed to list sessions: send it as X-API-Key")
        return
    _check_app(parsing.checked_session_id(session_id))


def check_key_of(session_id: str) -> None:
    """The same for a session that a body names. Raises `Unauthorized`, `Forbidden`."""
    if services().settings.require_key_for_sessions:
        _check_app(session_id)


def _check_app(session_id: str) -> None:
    session = services().sessions.get(session_id)
    if session and session.get("app") and services().catalog.app(session["app"]):
        authorized_app(session["app"])
