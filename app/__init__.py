"""aomi-backend, the web side: Flask views that accept requests and relay events. It never imports litellm."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.services import Services

log = logging.getLogger(__name__)


def create_app(services: Services | None = None) -> Flask:
    """The WSGI application, on the environment's settings or on given services.

    Nothing else knows the reference API, the pages and the dialects. Dialects come last: they take over requests of
    their clients to paths of the reference API.

    Raises `ConfigError` when the settings or aomi.yaml are wrong.
    """
    from flask import Flask  # not at the top: the `aomi` command does not need Flask

    from app import api, dialects, file_limit, pages
    from app.web import address, hooks, readiness, reloading
    from app.web.streaming import stream_slots

    services = services or _from_environment()
    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False  # its redirects are made of the Host header
    app.extensions["aomi"] = services
    address.behind(app, services.settings.trusted_proxies)
    files = file_limit.budget(file_limit.open_files(), services.settings.redis_connections)
    stream_slots.register(app, files.streams)
    readiness.register(app)
    reloading.register(app)
    hooks.register(app)
    api.register(app, services.settings)
    pages.register(app, services.settings)
    dialects.register(app)
    return app


def _from_environment() -> Services:
    from app import config
    from app.services import build
    from app.telemetry import logs, tracing

    settings, notices = config.read()
    logs.setup(settings)
    for notice in notices:
        log.warning(notice)
    tracing.setup(settings, "aomi-web")
    return build(settings)
