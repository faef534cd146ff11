"""The `tools` of a chat body: tools that the client runs. One that a provider refuses would fail the turn."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app import exact_json
from app.catalog import App
from app.errors import BadRequest
from app.tool_schemas import Unusable, checked_parameters

MOST = 64
TOTAL_BYTES = 64 * 1024
NAME = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
"""The names of functions that providers take: https://platform.openai.com/docs/api-reference/chat/create"""

_FORM = """'tools' must be a list of {"name": ..., "description": ..., "parameters": {a JSON schema}}"""

Tool = dict[str, Any]


def tools_of(value: Any) -> list[Tool]:
    """The tools of a body, checked in form. OpenAI's two forms are taken, too. Raises `BadRequest`."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadRequest(_FORM)
    if len(value) > MOST:
        raise BadRequest(f"A message may have at most {MOST} tools, it has {len(value)}")
    tools = [_tool(one) for one in value]
    try:
        size = len(exact_json.checked(tools))
    except exact_json.TooDeep:
        raise BadRequest("'tools' is nested too deeply: at most about 240 levels") from None
    if size > TOTAL_BYTES:
        raise BadRequest(f"'tools' may have at most {TOTAL_BYTES // 1024} KiB")
    names = [tool["name"] for tool in tools]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadRequest(f"'tools' has two tools with the name {twice!r}; rename one of them")
    return tools


def _tool(value: Any) -> Tool:
    inner = value.get("function", value) if isinstance(value, dict) else None
    if not isinstance(inner, dict) or value.get("type", "function") != "function":
        raise BadRequest(_FORM)
    name, about = inner.get("name"), inner.get("description") or ""
    parameters = {} if inner.get("parameters") is None else inner["parameters"]
    if not isinstance(name, str) or not NAME.match(name):
        raise BadRequest("The name of a tool must be 1 to 64 characters of A-Z a-z 0-9 _ -")
    if not isinstance(about, str) or not isinstance(parameters, dict) or parameters.get("type", "object") != "object":
        raise BadRequest(f"The tool {name!r} needs a 'description' in words and 'parameters' of the type object")
    try:
        return {"name": name, "description": about, "parameters": checked_parameters(parameters, TOTAL_BYTES)}
    except Unusable as unusable:
        raise BadRequest(f"The tool {name!r} {unusable}") from None


def allowed_tools(app: App, tools: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The tools in the form of OpenAI's chat API. Raises `BadRequest` if the app allows none, or has one of a name."""
    if not tools:
        return ()
    if not app.client_tools:
        raise BadRequest(f"The app {app.id!r} takes no tools of clients; leave 'tools' out")
    own = {name.rpartition(":")[2] for name in app.own_tools}
    servers = tuple(f"{tool.server}__" for tool in app.mcp_tools)
    for tool in tools:
        if tool["name"] in own or tool["name"].startswith(servers or ("\0",)):
            raise BadRequest(f"The app has a tool with the name {tool['name']!r}; give yours another one")
    return tuple({"type": "function", "function": dict(tool)} for tool in tools)
