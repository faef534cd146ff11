"""The MCP tools of a turn."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.catalog import App
from workers.runtime import Runtime
from workers.tools import CallLost, ToolContext, ToolError
from workers.tools.runnable import RunnableTool

START_SECONDS = 30.0
"""How long a call that was approved, or that another worker had begun, waits for its server to start."""


class McpOffer(Protocol):
    """As `workers.mcp.servers.Offer`, which this module does not load."""

    @property
    def tools(self) -> Mapping[str, RunnableTool]:
        """By their names for the model."""

    @property
    def notices(self) -> Sequence[str]:
        """For the model: which servers are away."""


@dataclass(frozen=True)
class _Nothing:
    tools: Mapping[str, RunnableTool]
    notices: Sequence[str]


def mcp_offer(runtime: Runtime, app: App, client: str, context: ToolContext, called: Collection[str] = ()) -> McpOffer:
    """The app's MCP tools for this client. Waits a few seconds for servers that have not answered before, or
    `START_SECONDS` when tools are `called` by these names. Raises `Stopped`."""
    if runtime.mcp_servers is None or not app.mcp_tools:
        return _Nothing({}, ())
    own = runtime.tools_of(app).keys()
    patience = START_SECONDS if set(called) - own else 0.0
    return runtime.mcp_servers.offer(app, own, client, context, patience)


def mcp_tool(runtime: Runtime, app: App, name: str, client: str, context: ToolContext) -> RunnableTool | None:
    """The app's MCP tool of that name for the model. None if no server has it; one that fails if a server is away.
    Raises `Stopped`."""
    offer = mcp_offer(runtime, app, client, context, [name])
    return offer.tools.get(name) or (_AwayTool(name, offer.notices) if offer.notices else None)


class _AwayTool:
    """In place of a tool whose server is away."""

    has_steps, resumable = True, True

    def __init__(self, name: str, notices: Sequence[str]) -> None:
        self.name = name
        self.schema: dict[str, Any] = {}
        self._notices = notices

    def run(self, args: dict[str, Any], context: ToolContext) -> Any:
        """Raises `ToolError`; `CallLost` when the call was under way at another worker."""
        if context.step:
            raise CallLost
        raise ToolError(" ".join(self._notices))
