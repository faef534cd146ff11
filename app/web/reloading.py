"""A reload of aomi.yaml in a web process: requests that begin later get the new apps and models."""

from __future__ import annotations

from typing import cast

from flask import Flask

from app.catalog import Catalog
from app.metrics.reporter import process_name
from app.reloading.watcher import ReloadWatcher, Take
from app.services import Services
from app.state.reloads import ProcessReport


def register(app: Flask) -> None:
    """Make the watcher of this process, `app.extensions["aomi_reload_watcher"]`. It is not started."""
    services = cast(Services, app.extensions["aomi"])

    def prepare(catalog: Catalog) -> Take:
        changed = services.with_catalog(catalog)

        def take() -> None:
            services.present.catalog = catalog
            app.extensions.update(aomi=changed)

        return take

    me = ProcessReport(process_name(), "web", services.catalog.digest)
    watcher = ReloadWatcher(services.reloads, me, services.settings.config, prepare)
    app.extensions["aomi_reload_watcher"] = watcher
