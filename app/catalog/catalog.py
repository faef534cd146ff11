"""The usable apps and models, as web and worker ask for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

from app.catalog.apps import DEFAULT_APP, App
from app.catalog.mcp_servers import McpServer
from app.catalog.models import Model


class Catalog:
    """The usable apps and models. Each app has a usable model.

    `notices` say where another model replaces the configured one; the worker logs them. `mcp_servers` are by name.
    `digest` is that of the file (`digest_of`).
    """

    def __init__(
        self,
        apps: list[App],
        models: list[Model],
        notices: Sequence[str] = (),
        places: Mapping[tuple[str, ...], str] = MappingProxyType({}),
        mcp_servers: Mapping[str, McpServer] = MappingProxyType({}),
        digest: str = "",
    ) -> None:
        self.notices = tuple(notices)
        self._places = places
        self.mcp_servers = mcp_servers
        self.digest = digest
        self._apps = {app.id: app for app in apps}
        self._models = {model.model_name: model for model in models}

    @property
    def apps(self) -> list[App]:
        """All apps."""
        return list(self._apps.values())

    @property
    def models(self) -> list[Model]:
        """Every model."""
        return list(self._models.values())

    def place(self, *entry: str) -> str:
        """File and line of an entry: `("model", name)`, `("tool", app, name)`, `("mcp_server", name)`."""
        return self._places.get(entry, "aomi.yaml")

    def app(self, app_id: str) -> App | None:
        """The app, or None."""
        return self._apps.get(app_id)

    def model(self, model_id: str) -> Model | None:
        """The model, or None."""
        return self._models.get(model_id)

    @cached_property
    def tool_digests(self) -> Mapping[str, str]:
        """By app: a digest of its tools, those of MCP servers with the entries of these. 16 hex digits."""
        return {app.id: self._tool_digest(app) for app in self.apps}

    def _tool_digest(self, app: App) -> str:
        names = dict.fromkeys(tool.server for tool in app.mcp_tools)
        servers = {name: server.model_dump_json() for name in names if (server := self.mcp_servers.get(name))}
        return hashlib.sha256(json.dumps([app.tools, servers]).encode()).hexdigest()[:16]

    def models_of(self, app: App) -> list[Model]:
        """The models that a session of `app` may choose, the app's own first."""
        return [self._models[name] for name in dict.fromkeys((app.model, *app.models))]

    def choice(self, app_id: str, model_id: str) -> tuple[App, str]:
        """The app of a session and the model of its next turn: the named ones if they exist, else the defaults."""
        app = self._apps.get(app_id) or self._apps[DEFAULT_APP]
        return app, model_id if self.offers(app, model_id) else app.model

    def offers(self, app: App, model_id: str) -> bool:
        """Whether a session of `app` may choose the model."""
        return model_id in (app.model, *app.models)
