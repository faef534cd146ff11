"""The components of a worker process. RQ calls jobs by dotted name, so jobs get the components from `current()`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.catalog import App
from app.services import Services
from app.state.turns.run_records import Known, Run
from workers.cancellation import CancelRegistry
from workers.control_listener import ControlListener
from workers.models.models import Models
from workers.outbox import Outbox
from workers.running_turns import RunningTurns
from workers.tools import Tool
from workers.usage_settler import UsageSettler

if TYPE_CHECKING:
    from workers.mcp.servers import McpServers  # only a worker whose aomi.yaml names one loads the SDK


@dataclass(frozen=True)
class Runtime:
    """Everything a job uses."""

    worker_name: str
    services: Services
    models: Models
    outbox: Outbox
    usage_settler: UsageSettler
    control: ControlListener
    cancel_tokens: CancelRegistry
    running_turns: RunningTurns
    tools: dict[str, dict[str, Tool]] = field(default_factory=dict)
    mcp_servers: McpServers | None = None

    @property
    def known(self) -> Known:
        """The apps and models of this worker's configuration."""
        catalog = self.services.catalog
        return Known([app.id for app in catalog.apps], [model.model_name for model in catalog.models])

    def knows(self, run: Run) -> bool:
        """Whether its configuration has the app and the model of a turn."""
        return self.services.catalog.app(run.app) is not None and self.services.catalog.model(run.model) is not None

    def tools_of(self, app: App | None) -> dict[str, Tool]:
        """The tools of an app that are functions, by name."""
        return self.tools.get(app.id, {}) if app else {}


MAX_FORMER = 8
"""Runtimes of before a reload that a process keeps, for what began with them and goes on."""

_installed: list[Runtime] = []
"""The present one, then those before it, the newest first."""


def install(runtime: Runtime) -> None:
    """Make `runtime` the one that the jobs of this process use."""
    digest = runtime.services.catalog.digest
    former = [one for one in _installed if one.services.catalog.digest != digest]
    _installed[:] = [runtime, *former[:MAX_FORMER]]


def current() -> Runtime:
    """The runtime of this process."""
    assert _installed, "jobs run in `python -m workers` only"
    return _installed[0]


def kept() -> Sequence[Runtime]:
    """The runtime of this process, then those before reloads, the newest first."""
    return tuple(_installed)


def with_tools(app_id: str, digest: str) -> Runtime | None:
    """The newest runtime in which the app has the tools with this digest (`Catalog.tool_digests`)."""
    return next((one for one in kept() if one.services.catalog.tool_digests.get(app_id) == digest), None)


def with_model(model: str) -> Runtime:
    """The newest runtime that has the model, the present one if none has it."""
    return next((one for one in kept() if one.services.catalog.model(model)), current())


def tool_digests() -> list[str]:
    """The digests of all tools that the runtimes of this process have."""
    return sorted({digest for one in kept() for digest in one.services.catalog.tool_digests.values()})
