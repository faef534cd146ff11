"""Error responses: always JSON, `{"error": "..."}` or in the form of a dialect, and nothing in it that the caller may
not see."""

from __future__ import annotations

import logging

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from app.errors import ApiError, Unauthorized
from app.state.connection.clients import Unavailable
from app.telemetry import log_context
from app.web.body_limit import too_large
from app.web.conventions import Refused, conventions
from app.web.current import services

log = logging.getLogger(__name__)

HTTP_MESSAGES = {
    404: "There is no such path; /docs lists the paths",
    405: "This method is not allowed here; the header Allow lists the allowed ones",
    500: "Internal server error",
}


def register(app: Flask) -> None:
    """Respond to every error of `app` in the documented form."""
    app.register_error_handler(ApiError, _refusal)
    for unavailable in Unavailable:
        app.register_error_handler(unavailable, _redis_unavailable)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _error_response(message: str, status: int, retry_after: int | None = None) -> Response:
    refused = Refused(status, message, retry_after)
    response = jsonify(conventions().error_body(refused))
    response.status_code = status
    response.headers.update(conventions().error_headers(refused))
    if status == Unauthorized.status and services().settings.owners:
        response.headers["WWW-Authenticate"] = "Bearer"  # RFC 6750, section 3
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _refusal(error: ApiError) -> Response:
    return _error_response(str(error), error.status, error.retry_after)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    message = too_large() if status == 413 else HTTP_MESSAGES.get(status, error.description or error.name)
    response = _error_response(message, status)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _redis_unavailable(error: Exception) -> Response:
    log.warning("Redis does not answer (%s): requests get 503; check that it runs at REDIS_URL", type(error).__name__)
    return _error_response("The state store is not available; try again shortly", 503, retry_after=2)


def _unexpected(error: Exception) -> Response:
    request_id = log_context.current().request
    log.error("request %s failed", request_id, exc_info=error)
    return _error_response(f"{HTTP_MESSAGES[500]}; try again, or ask the operator about request {request_id}", 500)
