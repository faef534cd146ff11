"""One line for each request in the log: the route, never a path or a query, as these hold session ids."""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, g, request

from app.telemetry import log_context
from app.web.current import services

log = logging.getLogger(__name__)

QUIET = ("/healthz", "/readyz", "/metrics")
"""What machines ask every few seconds."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT"})


def known_method(method: str) -> str:
    """The method, or one name for all that nobody knows: a client may make up as many as it likes."""
    return method if method in _METHODS else "other"


def register(app: Flask) -> None:
    """Log every request of `app` at INFO, health checks at DEBUG."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.began = time.monotonic()


def _end(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else "an unknown path"
    took = (time.monotonic() - g.get("began", time.monotonic())) * 1000
    level = logging.DEBUG if route in QUIET else logging.INFO
    fields = {"method": request.method, "route": route, "status": response.status_code, "ms": round(took)}
    session = log_context.current().session or "-"
    words = "%(method)s %(route)s %(status)d, session %(session)r, %(ms)d ms"
    if route not in QUIET:
        services().metrics.answered(known_method(request.method), route, response.status_code)
    log.log(level, words, fields | {"session": session}, extra={"fields": fields})
    return response
