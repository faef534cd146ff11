"""An MCP tool as a tool of an app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcp_types import CallToolResult

from workers.cancellation import CancelToken
from workers.mcp import results
from workers.secrets import UnknownSecret
from workers.tools import ToolContext, ToolError

Call = Callable[[str, dict[str, Any], CancelToken], CallToolResult]
"""Calls a tool of the server by the server's name of it. Raises `ToolError`, `Stopped`."""


class McpTool:
    """`name` is the one for the model, `tool` its server's. The server checks the arguments."""

    has_steps = False
    resumable = False

    def __init__(self, name: str, tool: str, schema: dict[str, Any], call: Call) -> None:
        self.name = name
        self.schema = schema
        self.tool = tool
        self._call = call

    def run(self, args: dict[str, Any], context: ToolContext) -> Any:
        """Call it and wait for its end. Raises `ToolError` when it fails or its server is away; `Stopped`."""
        try:
            given = context.secrets.reveal(args)
        except UnknownSecret as error:
            raise ToolError(str(error)) from None
        return results.plain(self._call(self.tool, given, context.token), context.keep_image)
