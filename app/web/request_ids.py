"""Every request has an id: the client's X-Request-Id, or one of ours. Answer, log lines and turn have it."""

from __future__ import annotations

import re
import uuid

from flask import Flask, Response, request

from app.telemetry import log_context
from app.telemetry.log_context import LogContext
from app.telemetry.logs import short_session_id

HEADER = "X-Request-Id"

_FIT = re.compile(r"[A-Za-z0-9._:-]{1,64}")
"""What is taken from outside: it goes into logs, Redis and headers."""


def register(app: Flask) -> None:
    """Name every request of `app`, before anything else looks at it."""
    app.before_request(_begin)
    app.after_request(_answer)


def _begin() -> None:
    given = request.headers.get(HEADER, "")
    session_id = (
        request.headers.get("X-Session-Id")
        or request.args.get("session_id")
        or (request.view_args or {}).get("session_id")
        or ""
    )
    request_id = given if _FIT.fullmatch(given) else uuid.uuid4().hex[:12]
    log_context.begin(LogContext(request_id, short_session_id(session_id).encode("ascii", "replace").decode()))


def _answer(response: Response) -> Response:
    response.headers[HEADER] = log_context.current().request
    return response
