"""aomi-backend, the web side: Flask views that accept requests and relay events. It never imports litellm."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.services import Services

MAX_BODY = 1024 * 1024


def create_app(services: Services | None = None) -> Flask:
    """The WSGI application, on the environment's settings or on given services.

    Raises `ConfigError` when the settings or aomi.yaml are wrong.
    """
    from flask import Flask  # here, as the `aomi` command needs none of it

    from app import api, config
    from app.services import build
    from app.telemetry import logs, tracing
    from app.web import address

    if services is None:
        settings = config.load()
        logs.setup(settings)
        tracing.setup(settings, "aomi-web")
        services = build(settings)
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.extensions["aomi"] = services
    address.behind(app, services.settings.trusted_proxies)
    api.register(app, services)
    return app
