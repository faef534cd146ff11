"""Security headers of every response. A view may set its own value: pages have their own policy, streams and static
files their own caching. HSTS is left to the proxy that terminates TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # gunicorn loads this module with `app.serving`, before gevent patches what Flask imports
    from flask import Flask, Response

DEFAULT_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # a URL may contain a session id
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",  # does not affect CORS requests, which AOMI_CORS_ORIGINS allows
    "Cache-Control": "no-store",  # responses contain conversations
}


def register(app: Flask) -> None:
    """Add the headers to each response of `app`."""
    app.after_request(_add_headers)


def _add_headers(response: Response) -> Response:
    present = {name.lower() for name, _ in response.headers}
    response.headers.extend({name: value for name, value in DEFAULT_HEADERS.items() if name.lower() not in present})
    return response
