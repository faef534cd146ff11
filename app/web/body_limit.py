"""The maximum size of request bodies: MAX_BODY, and AOMI_MAX_BODY for dialects whose clients send a whole history."""

from __future__ import annotations

from flask import Flask, request

from app.web.conventions import conventions
from app.web.current import services

MAX_BODY = 1024 * 1024
"""Bytes of a request body."""


def register(app: Flask) -> None:
    """Limit the bodies of all requests to `app`."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.before_request(_allow_long_body)


def _allow_long_body() -> None:
    if conventions().long_bodies:
        request.max_content_length = services().settings.max_body


def too_large() -> str:
    """The refusal of a body that is larger."""
    most = request.max_content_length or MAX_BODY
    size = f"{most // MAX_BODY} MiB" if most % MAX_BODY == 0 else f"{most:,} bytes"
    return f"The request body is too large: at most {size}"
