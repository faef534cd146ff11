"""`approve:` of an app: patterns of names of its tools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from app.checks.spelling import hint

ALL = "*"


def is_named(pattern: str, *names: str) -> bool:
    """Whether a pattern of `approve:` is for the tool that has these names."""
    return pattern == ALL or any(fnmatchcase(name, pattern) for name in names)


def without_a_tool(patterns: Sequence[str], tools: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Place and problem of each pattern that names none of the app's tools: a misspelt one would ask nobody."""
    names = [*tools, *(tool.rpartition(":")[2] for tool in tools if not tool.startswith("mcp:"))]
    for index, pattern in enumerate(patterns):
        if not any(_may_name(pattern, name) for name in names):
            there = ", ".join(map(repr, tools)) or "none"
            yield index, f"approve names no tool of the app by {pattern!r}{hint(pattern, names)}; its tools are {there}"


def _may_name(pattern: str, name: str) -> bool:
    """Which tools are in `mcp:SERVER/*`, only the server knows."""
    server, _, own = name.partition("/")
    is_of_server = own == ALL and fnmatchcase(server, pattern.partition("/")[0]) and "/" in pattern
    return is_of_server or is_named(pattern, name)
