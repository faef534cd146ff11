"""The services of the Flask app that handles the request. A request has the same apps and models to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from flask import current_app, g

from app.catalog import Catalog
from app.services import Services


def services() -> Services:
    """The services of the current app. Raises `RuntimeError` outside a request."""
    found = g.get("aomi_services")
    if found is None:
        found = g.aomi_services = current_app.extensions["aomi"]
    return cast(Services, found)


def catalog_source() -> Callable[[], Catalog]:
    """A function that returns the present apps and models, for a stream that lives longer than they do."""
    extensions = current_app.extensions
    return lambda: cast(Services, extensions["aomi"]).catalog
