"""The tool calls of a turn that wait for a person: those that its app or the tool wants approved, and those of tools
that the client runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.catalog.apps import MCP_PREFIX
from app.checks.approvals import is_named
from app.events.types import CallKind
from workers.cancellation import CancelToken
from workers.reply import ToolRequest
from workers.toolbox import NO_OBJECT, Toolbox, no_tool
from workers.tools import Tool, ToolContext
from workers.tools.runnable import RunnableTool

ToolSchema = dict[str, Any]


class AskingToolbox:
    """A toolbox of these tools, some of whose calls wait. `approve` are the patterns of aomi.yaml, `client_tools` the
    tools of the client in the form of OpenAI's chat API."""

    def __init__(
        self,
        toolbox: Toolbox,
        tools: Mapping[str, RunnableTool],
        context: ToolContext,
        approve: Sequence[str],
        client_tools: Sequence[ToolSchema],
    ) -> None:
        self._toolbox = toolbox
        self._tools = tools
        self._context = context
        self._approve = approve
        self._of_client = {one["function"]["name"]: one for one in client_tools if one["function"]["name"] not in tools}

    @property
    def schemas(self) -> list[ToolSchema]:
        """The tools in the form of OpenAI's chat API, those of the client behind the app's own."""
        return [*self._toolbox.schemas, *self._of_client.values()]

    def __call__(self, calls: tuple[ToolRequest, ...], token: CancelToken) -> Iterator[tuple[ToolRequest, Any]]:
        """Run calls that wait for nobody; see `Toolbox`. Those of no tool of the app have an error."""
        yield from ((call, self._refusal(call)) for call in calls if call.name not in self._tools)
        yield from self._toolbox(tuple(call for call in calls if call.name in self._tools), token)

    def _refusal(self, call: ToolRequest) -> dict[str, str]:
        """A call of a client's tool is here only if it has no arguments that the client can use."""
        is_of_client = call.name in self._of_client
        return NO_OBJECT if is_of_client else no_tool(call.name, [*self._tools, *self._of_client])

    def goes_on(self, call: ToolRequest, result: Any) -> bool:
        """Whether later steps follow the first `result` of a call."""
        return self._toolbox.goes_on(call, result)

    def asks(self, call: ToolRequest) -> CallKind | None:
        """Why a call waits, None for one that runs at once: also one that its tool refuses, because nobody can do
        anything about it."""
        tool, args = self._tools.get(call.name), call.args()
        if args is None:
            return None
        if tool is None:
            return "client_tool" if call.name in self._of_client else None
        is_listed = any(is_named(pattern, *_names(tool)) for pattern in self._approve)
        asks = tool.asks(args, self._context, always=is_listed) if isinstance(tool, Tool) else is_listed
        return "approval" if asks else None


def _names(tool: RunnableTool) -> tuple[str, ...]:
    """The names by which `approve:` may name the tool."""
    if isinstance(tool, Tool):
        return tool.name, tool.path
    server, _, name = tool.name.partition("__")
    own = getattr(tool, "tool", name)  # as its server calls it
    return (f"{MCP_PREFIX}{server}/{own}",)
