"""The parts of a worker that depend on aomi.yaml: made at its start, and again for a reload. A turn that runs keeps
those with which it began, because its job has the `Runtime` of that moment."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.catalog import Catalog, McpServer
from app.checks.problems import refuse, warnings
from app.config import Settings
from app.reloading.watcher import Take
from app.state.connection.clients import Unavailable
from workers import runtime
from workers.models import providers
from workers.tools import of_apps
from workers.tools.async_loop import ToolLoop

if TYPE_CHECKING:
    from workers.mcp.servers import McpServers

log = logging.getLogger("workers")


def checked_models(catalog: Catalog) -> list[str]:
    """Warnings. Raises `ConfigError` for models that litellm cannot ask."""
    problems = list(providers.problems(catalog))
    refuse(problems)
    return warnings(problems)


def mcp_servers(catalog: Catalog, settings: Settings) -> McpServers | None:
    """The MCP servers that apps name; None without any: the SDK takes a second of CPU and 40 MB to load."""
    used = _used(catalog)
    if not used:
        return None
    from workers.mcp.servers import McpServers

    return McpServers(used, settings)


def _used(catalog: Catalog) -> dict[str, McpServer]:
    names = {tool.server for app in catalog.apps for tool in app.mcp_tools}
    return {name: server for name, server in catalog.mcp_servers.items() if name in names}


@dataclass(frozen=True)
class Preparation:
    """Makes what a new catalog needs: tools, models, MCP servers. `report` tells the web processes of the models."""

    settings: Settings
    tool_loop: ToolLoop
    report: Callable[[], object]

    def __call__(self, catalog: Catalog) -> Take:
        """Returns the function by which jobs that begin later use them. Raises `ConfigError`."""
        before = runtime.current()
        importlib.invalidate_caches()  # the file of a tool may have come after Python looked at its folder
        tools = of_apps.load_all(catalog, self.tool_loop)
        doubts = checked_models(catalog)
        models = before.models.with_catalog(catalog)
        if _used(catalog):
            importlib.import_module("workers.mcp.servers")  # takes a second, which is not for `take`

        def take() -> None:
            for notice in (*catalog.notices, *doubts):
                log.warning(notice)
            services = before.services.with_catalog(catalog)
            services.present.catalog = catalog
            servers = self._new_servers(before.mcp_servers, catalog)
            runtime.install(replace(before, services=services, models=models, tools=tools, mcp_servers=servers))
            with suppress(*Unavailable):  # reported again within the hour
                self.report()

        return take

    def _new_servers(self, before: McpServers | None, catalog: Catalog) -> McpServers | None:
        """The MCP servers in place of those `before`, whose connections they keep where nothing has changed."""
        if before is not None:
            return before.with_servers(_used(catalog))
        started = mcp_servers(catalog, self.settings)
        if started is not None:
            started.start()
        return started
