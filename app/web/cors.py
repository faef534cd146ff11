"""CORS: which web pages may call the API. On responses, errors and streams alike; preflight requests need no key."""

from __future__ import annotations

from flask import Flask, Response, request

from app.checks import origins
from app.checks.origins import ANY_ORIGIN
from app.web.current import services

ALLOWED_METHODS = "GET, POST, PATCH, DELETE"
ALLOWED_HEADERS = (
    "Accept, Aomi-App-Key, Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Prefer, X-API-Key, "
    "X-Request-Id, X-Session-Id"
)
EXPOSED_HEADERS = "Link, Location, Preference-Applied, Retry-After, X-Keep-Alive, X-Request-Id, X-Should-Retry"
MAX_AGE_SECONDS = 7200
"""How long a browser may cache the preflight response."""


def register(app: Flask) -> None:
    """Answer preflight requests of `app` and add headers to its responses, for the origins of AOMI_CORS_ORIGINS."""
    app.before_request(_preflight)
    app.after_request(_add_headers)


def _preflight() -> Response | None:
    is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    if not (is_preflight and _allowed_origin()):
        return None
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = ALLOWED_METHODS
    response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
    response.headers["Access-Control-Max-Age"] = str(MAX_AGE_SECONDS)
    return response


def _add_headers(response: Response) -> Response:
    if not services().settings.cors_origins:
        return response
    if ANY_ORIGIN not in _configured_origins():
        response.vary.add("Origin")
    if origin := _allowed_origin():
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    return response


def _allowed_origin() -> str:
    """The value of Access-Control-Allow-Origin for this request, '' if its origin is not allowed."""
    origin, configured = request.headers.get("Origin", ""), _configured_origins()
    if not origin:
        return ""
    return ANY_ORIGIN if ANY_ORIGIN in configured else origin if origin in configured else ""


def _configured_origins() -> list[str]:
    return origins.read(services().settings.cors_origins)
