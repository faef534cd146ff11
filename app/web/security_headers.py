"""Security headers, on each answer that does not say otherwise: pages have a policy, streams a caching of their own."""

from __future__ import annotations

from flask import Flask, Response

from app.web.headers import ALWAYS


def register(app: Flask) -> None:
    """Mark the answers of `app`."""
    app.after_request(_mark)


def _mark(response: Response) -> Response:
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    return response
