"""How what goes wrong is answered: always JSON `{"error": "..."}`, with nothing in it that is not the caller's."""

from __future__ import annotations

import logging

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from app.errors import ApiError
from app.state.connection.clients import Unavailable
from app.telemetry import log_context

log = logging.getLogger(__name__)

HTTP_MESSAGES = {
    404: "There is no such path; /docs shows those that there are",
    405: "This method is not allowed here; the header Allow names those that are",
    413: "The request body is too large: at most 1 MiB",
    500: "Internal server error",
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
    response = _answer(HTTP_MESSAGES.get(status, error.description or error.name), status)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _redis_away(error: Exception) -> Response:
    log.warning(
        "Redis does not answer (%s): requests get 503; see that it runs where REDIS_URL says", type(error).__name__
    )
    return _answer("The state store is not available; try again shortly", 503, retry_after=2)


def _unforeseen(error: Exception) -> Response:
    request_id = log_context.current().request
    log.error("request %s failed", request_id, exc_info=error)
    return _answer(f"{HTTP_MESSAGES[500]}; try again, or ask the operator about request {request_id}", 500)
