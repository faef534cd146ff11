"""The span of each request, up to the last byte of its response. A client's `traceparent` is its parent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from flask import Flask, Response, g, request
from werkzeug.wsgi import ClosingIterator

from app.telemetry import log_context, tracing
from app.web.access_log import QUIET_ROUTES, method_label


def register(app: Flask) -> None:
    """Trace every request of `app` except those of machines, if the settings turn traces on."""
    app.before_request(_open_span)
    app.after_request(_record_response)
    app.teardown_request(_leave_span)


def _open_span() -> None:
    route = request.url_rule.rule if request.url_rule else ""
    if route in QUIET_ROUTES:
        return
    method, context = method_label(request.method), log_context.current()
    attributes = {
        "http.request.method": method,
        "http.route": route,
        "aomi.request.id": context.request,
        "aomi.session": context.session,
    }
    parent = request.headers.get("traceparent")
    g.span = tracing.request(f"{method} {route}".strip(), attributes, {"traceparent": parent} if parent else {})


def _record_response(response: Response) -> Response:
    if span := g.get("span"):
        span.set({"http.response.status_code": response.status_code})
        if response.status_code >= 500:
            span.fail(str(response.status_code))
        if response.direct_passthrough:  # a stream: werkzeug passes the iterator on and does not call call_on_close
            response.response = ClosingIterator(cast(Iterable[bytes], response.response), span.end)
        else:
            response.call_on_close(span.end)
    return response


def _leave_span(_error: BaseException | None) -> None:
    if span := g.get("span"):
        span.leave()
