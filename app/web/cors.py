"""CORS: which web pages may call. On answers, errors and streams alike, and asked for without a key."""

from __future__ import annotations

from flask import Flask, Response, request

from app.web.current import services

METHODS = "GET, POST, PATCH, DELETE"
HEADERS = "Accept, Aomi-App-Key, Content-Type, Idempotency-Key, Last-Event-ID, X-API-Key, X-Request-Id, X-Session-Id"
EXPOSED = "Location, Retry-After, X-Request-Id"
MAX_AGE = "7200"
"""Seconds for which a browser need not ask again."""

EVERY = "*"


def register(app: Flask) -> None:
    """Answer preflight requests of `app`, and mark its answers, for the origins of AOMI_CORS_ORIGINS."""
    app.before_request(_preflight)
    app.after_request(_mark)


def _preflight() -> Response | None:
    asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    if not (asks and _allowed()):
        return None
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = METHODS
    response.headers["Access-Control-Allow-Headers"] = HEADERS
    response.headers["Access-Control-Max-Age"] = MAX_AGE
    return response


def _mark(response: Response) -> Response:
    if not services().settings.cors_origins:
        return response
    if EVERY not in _origins():
        response.vary.add("Origin")
    if allowed := _allowed():
        response.headers["Access-Control-Allow-Origin"] = allowed
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
    return response


def _allowed() -> str:
    """The origin that the browser may be told of, '' if none."""
    origin, origins = request.headers.get("Origin", ""), _origins()
    if not origin:
        return ""
    return EVERY if EVERY in origins else origin if origin in origins else ""


def _origins() -> list[str]:
    return [part.strip().rstrip("/") for part in services().settings.cors_origins.split(",") if part.strip()]
