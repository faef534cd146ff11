"""What can go wrong, as one tree, and how each of it is answered: always JSON `{"error": "..."}`.

AomiError
├── ConfigError             the settings or aomi.yaml are wrong: nothing starts
└── ApiError                a request is refused
    ├── BadRequest          400
    ├── Unauthorized        401
    ├── Forbidden           403
    ├── NotFound            404
    ├── Conflict            409
    ├── TooManyRequests     429
    └── NotReady            503
"""

from __future__ import annotations

import logging
import uuid

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from app.state.clients import Unavailable

log = logging.getLogger(__name__)


class AomiError(Exception):
    """Base of every error of our own."""


class ConfigError(AomiError):
    """A setting or an entry of aomi.yaml is wrong; the message says which and what would be right."""


class ApiError(AomiError):
    """A request is refused with `status` and `{"error": message}`."""

    status = 500
    retry_after: int | None = None


class BadRequest(ApiError):
    """A parameter is missing or invalid."""

    status = 400


class Unauthorized(ApiError):
    """No API key, or one nobody knows."""

    status = 401


class Forbidden(ApiError):
    """The API key does not authorize this app."""

    status = 403


class NotFound(ApiError):
    """The session or resource does not exist."""

    status = 404


class Conflict(ApiError):
    """The session is busy and the caller asked not to wait."""

    status = 409


class TooManyRequests(ApiError):
    """A bounded queue is full; try again after `retry_after` seconds."""

    status = 429
    retry_after = 5


class NotReady(ApiError):
    """A part of the backend is not there yet; try again after `retry_after` seconds."""

    status = 503
    retry_after = 2


_HTTP_MESSAGES = {
    404: "There is no such path; the API reference lists them all",
    405: "This method is not allowed here",
    413: "The request body is too large: at most 1 MiB",
}


def register(app: Flask) -> None:
    """Answer every error of `app` in the documented form."""
    app.register_error_handler(ApiError, _refused)
    for unavailable in Unavailable:
        app.register_error_handler(unavailable, _redis_away)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unforeseen)


def _answer(message: str, status: int, retry_after: int | None = None) -> Response:
    response = jsonify(error=message)
    response.status_code = status
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _refused(error: ApiError) -> Response:
    return _answer(str(error), error.status, error.retry_after)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    response = _answer(_HTTP_MESSAGES.get(status, error.description or error.name), status)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _redis_away(error: Exception) -> Response:
    log.warning("Redis does not answer: %s", type(error).__name__)
    return _answer("The state store is not available; try again shortly", 503, retry_after=2)


def _unforeseen(error: Exception) -> Response:
    request_id = uuid.uuid4().hex[:12]
    log.error("request %s failed", request_id, exc_info=error)
    response = _answer("Internal server error", 500)
    response.set_data(f'{{"error":"Internal server error","request_id":"{request_id}"}}\n')
    return response
