"""One line for each request in the log: the route, never a path or a query, as these hold session ids."""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, g, request

from app.logs import short

log = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Log every request of `app` at INFO, health checks at DEBUG."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.began = time.monotonic()


def _end(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else "an unknown path"
    session_id = request.headers.get("X-Session-Id") or request.args.get("session_id") or "-"
    took = (time.monotonic() - g.get("began", time.monotonic())) * 1000
    level = logging.DEBUG if route in ("/healthz", "/readyz") else logging.INFO
    shown = short(session_id).encode("ascii", "replace").decode()
    log.log(level, "%s %s %d, session %r, %.0f ms", request.method, route, response.status_code, shown, took)
    return response
