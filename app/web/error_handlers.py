"""Error responses: always JSON `{"error": "..."}`, and nothing in it that the caller may not see."""

from __future__ import annotations

import logging

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from app.errors import ApiError
from app.state.connection.clients import Unavailable
from app.telemetry import log_context

log = logging.getLogger(__name__)

HTTP_MESSAGES = {
    404: "There is no such path; /docs lists the paths",
    405: "This method is not allowed here; the header Allow lists the allowed ones",
    413: "The request body is too large: at most 1 MiB",
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
    response = jsonify(error=message)
    response.status_code = status
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _refusal(error: ApiError) -> Response:
    return _error_response(str(error), error.status, error.retry_after)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    response = _error_response(HTTP_MESSAGES.get(status, error.description or error.name), status)
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
