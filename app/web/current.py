"""The services of the Flask app that handles the request."""

from __future__ import annotations

from typing import cast

from flask import current_app

from app.services import Services


def services() -> Services:
    """The services of the current app. Raises `RuntimeError` outside a request."""
    return cast(Services, current_app.extensions["aomi"])
