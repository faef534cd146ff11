"""The interface of a tool to a turn, for our functions and for MCP tools alike."""

from __future__ import annotations

from typing import Any, Protocol

from workers.tools import ToolContext


class RunnableTool(Protocol):
    """A function of ours (`workers.tools.Tool`), or a tool of an MCP server (`workers.mcp.tool.McpTool`)."""

    name: str
    """The name for the model."""

    @property
    def schema(self) -> dict[str, Any]:
        """The tool in the form of OpenAI's chat API."""

    @property
    def has_steps(self) -> bool:
        """Whether it is a multi-step tool."""

    @property
    def resumable(self) -> bool:
        """Whether a multi-step tool starts at `ToolContext.step` by itself."""

    def run(self, args: dict[str, Any], context: ToolContext) -> Any:
        """The result, or an iterator of steps. Raises `ToolError`, `Stopped`, and whatever the tool's code raises."""
