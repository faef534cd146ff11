"""The MCP tools of a turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.catalog import App
from workers.runtime import Runtime
from workers.tools import ToolContext
from workers.tools.runnable import RunnableTool


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


def mcp_offer(runtime: Runtime, app: App, client: str, context: ToolContext) -> McpOffer:
    """The app's MCP tools for this client. Waits a few seconds for servers that have not answered before. Raises
    `Stopped`."""
    if runtime.mcp_servers is None or not app.mcp_tools:
        return _Nothing({}, ())
    return runtime.mcp_servers.offer(app, runtime.tools_of(app).keys(), client, context)
