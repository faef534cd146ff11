"""A tool as its server lists it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from mcp_types import Tool

from app.tool_schemas import Unusable, checked_parameters


class ListedTool:
    """Its schema is checked once for all turns: that takes a millisecond of CPU, and a server may list 500."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool

    @property
    def name(self) -> str:
        """The server's name of it."""
        return self._tool.name

    @property
    def description(self) -> str:
        """Its description, or the best there is."""
        return self._tool.description or self._tool.title or self._tool.name

    @property
    def may_be_repeated(self) -> bool:
        """Whether the server says that two calls do no more than one."""
        hints = self._tool.annotations
        return bool(hints and (hints.read_only_hint or hints.idempotent_hint))

    @property
    def parameters(self) -> dict[str, Any]:
        """The schema of its arguments as every provider takes it. Raises `Unusable`."""
        if isinstance(self._checked, Unusable):
            raise Unusable(str(self._checked))
        return self._checked

    @cached_property
    def _checked(self) -> dict[str, Any] | Unusable:
        try:
            return checked_parameters(self._tool.input_schema)
        except Unusable as unusable:
            return unusable
