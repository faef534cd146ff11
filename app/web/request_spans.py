"""The span of each request, from its first line to the last byte of its answer; a client's `traceparent` counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from flask import Flask, Response, g, request
from werkzeug.wsgi import ClosingIterator

from app.telemetry import log_context, tracing
from app.web.access_log import QUIET, known_method


def register(app: Flask) -> None:
    """Trace every request of `app` but those of machines, where the settings want it."""
    app.before_request(_begin)
    app.after_request(_answered)
    app.teardown_request(_leave)


def _begin() -> None:
    route = request.url_rule.rule if request.url_rule else ""
    if route in QUIET:
        return
    method, work = known_method(request.method), log_context.current()
    attributes = {
        "http.request.method": method,
        "http.route": route,
        "aomi.request.id": work.request,
        "aomi.session": work.session,
    }
    g.span = tracing.request(f"{method} {route}".strip(), attributes, dict(_carrier()))


def _carrier() -> list[tuple[str, str]]:
    return [("traceparent", value) for value in request.headers.getlist("traceparent")[:1]]


def _answered(response: Response) -> Response:
    if span := g.get("span"):
        span.set({"http.response.status_code": response.status_code})
        if response.status_code >= 500:
            span.fail(str(response.status_code))
        if response.direct_passthrough:  # a stream: werkzeug hands it on as it is, and calls nothing at its end
            response.response = ClosingIterator(cast(Iterable[bytes], response.response), span.end)
        else:
            response.call_on_close(span.end)
    return response


def _leave(_error: BaseException | None) -> None:
    if span := g.get("span"):
        span.leave()
