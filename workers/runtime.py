"""The components of a worker process. RQ calls jobs by dotted name, so jobs get the components from `current()`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.catalog import App
from app.services import Services
from app.state.turns.run_records import Known
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

    def tools_of(self, app: App | None) -> dict[str, Tool]:
        """The tools of an app that are functions, by name."""
        return self.tools.get(app.id, {}) if app else {}


_current: Runtime | None = None


def install(runtime: Runtime) -> None:
    """Make `runtime` the one that the jobs of this process use."""
    global _current
    _current = runtime


def current() -> Runtime:
    """The runtime of this process."""
    assert _current is not None, "jobs run in `python -m workers` only"
    return _current
