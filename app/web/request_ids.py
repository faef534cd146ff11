"""The id of each request: the client's X-Request-Id, or a new one. Response, log lines and turn carry it."""

from __future__ import annotations

import re
import uuid

from flask import Flask, Response, request

from app.telemetry import log_context
from app.telemetry.log_context import LogContext
from app.telemetry.logs import short_session_id

HEADER = "X-Request-Id"

_ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,64}")
"""The client's id goes into logs, Redis and headers."""


def register(app: Flask) -> None:
    """Give every request of `app` an id before any other hook runs."""
    app.before_request(_set_id)
    app.after_request(_add_header)


def _set_id() -> None:
    sent = request.headers.get(HEADER, "")
    session_id = (
        request.headers.get("X-Session-Id")
        or request.args.get("session_id")
        or (request.view_args or {}).get("session_id")
        or ""
    )
    is_secret = bool(session_id) and session_id.lower() in sent.lower()
    request_id = sent if _ACCEPTED.fullmatch(sent) and not is_secret else uuid.uuid4().hex[:12]
    log_context.begin(LogContext(request_id, short_session_id(session_id).encode("ascii", "replace").decode()))


def _add_header(response: Response) -> Response:
    response.headers[HEADER] = log_context.current().request
    return response
