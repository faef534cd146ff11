"""One log line per request. It names the route, not the path or the query, because they contain session ids."""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, g, request

from app.telemetry import log_context
from app.web.current import services

log = logging.getLogger(__name__)

QUIET_ROUTES = ("/healthz", "/readyz", "/metrics")
"""Machines request these every few seconds: logged at DEBUG, not counted, not traced."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT"})


def method_label(method: str) -> str:
    """The method, or `other`: a client may invent any number of methods, and each label costs memory."""
    return method if method in _METHODS else "other"


def register(app: Flask) -> None:
    """Log every request of `app` at INFO, those of machines at DEBUG."""
    app.before_request(_start_clock)
    app.after_request(_log)


def _start_clock() -> None:
    g.started = time.monotonic()


def _log(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else "an unknown path"
    milliseconds = (time.monotonic() - g.get("started", time.monotonic())) * 1000
    level = logging.DEBUG if route in QUIET_ROUTES else logging.INFO
    fields = {"method": request.method, "route": route, "status": response.status_code, "ms": round(milliseconds)}
    session = log_context.current().session or "-"
    message = "%(method)s %(route)s %(status)d, session %(session)r, %(ms)d ms"
    if route not in QUIET_ROUTES:
        services().metrics.answered(method_label(request.method), route, response.status_code)
    log.log(level, message, fields | {"session": session}, extra={"fields": fields})
    return response
