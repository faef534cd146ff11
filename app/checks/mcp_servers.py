"""`mcp_servers:` of aomi.yaml, and the tools of those servers that apps name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from app.checks.keys import LITELLM_MCP_KEYS, named
from app.checks.problems import Problem
from app.checks.spelling import hint
from app.checks.yaml_file import Location, YamlFile

MAX_TIMEOUT = 3600.0

REFERENCE = re.compile(
    r"(?P<word>[A-Za-z][A-Za-z0-9-]* )?(?P<source>os\.environ|secret)/(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
)
"""A value of a header that names a variable or a client's secret, such as `Bearer secret/FILES_TOKEN`."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*(_[A-Za-z0-9-]+)*")
"""No `__`, which ends the server's part of a tool's name for the model."""

MAX_NAME = 32

_TOOL = re.compile(r"mcp:(?P<server>[^/\s]+)/(?P<tool>\S+)")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_OWN_HEADERS = frozenset(
    [
        *("accept", "connection", "content-length", "content-type", "host", "transfer-encoding"),
        *("mcp-protocol-version", "mcp-session-id"),
    ]
)
"""Headers that the protocol sets."""


_LITELLM_ALONE = LITELLM_MCP_KEYS | {
    *("auth_type", "auth_value", "authentication_token", "static_headers", "extra_headers", "env_vars", "oauth2_flow"),
    *("allowed_tools", "disallowed_tools", "allowed_params", "client_id", "scopes", "token_url", "spec_path"),
}
"""Keys that only LiteLLM's proxy gives its MCP servers, which are in a section of the same name."""


def without_litellms(data: Any) -> Any:
    """The file's content without the MCP servers of LiteLLM's proxy: those that have a key of its own, and that no app
    names."""
    servers = data.get("mcp_servers") if isinstance(data, dict) else None
    if not isinstance(servers, dict):
        return data
    used = {found["server"] for tool in _tools_of_apps(data) if (found := _TOOL.fullmatch(tool))}
    ours = {
        name: server
        for name, server in servers.items()
        if str(name) in used or not (isinstance(server, dict) and _LITELLM_ALONE & server.keys())
    }
    return data | {"mcp_servers": ours}


def _tools_of_apps(data: Mapping[str, Any]) -> Iterator[str]:
    apps = data.get("apps")
    for app in apps if isinstance(apps, list) else ():
        tools = app.get("tools") if isinstance(app, dict) else None
        yield from (tool for tool in (tools if isinstance(tools, list) else ()) if isinstance(tool, str))


def problems(file: YamlFile) -> Iterator[Problem]:
    """Each mistake in a server's entry, and each tool of an app that no server can offer. Values of a wrong type are
    left to pydantic."""
    servers = file.data.get("mcp_servers")
    servers = servers if isinstance(servers, dict) else {}
    for name, server in servers.items():
        at: Location = ("mcp_servers", str(name))
        for inside, told in (*_of_name(str(name)), *(_of_server(server) if isinstance(server, dict) else ())):
            yield Problem(file.place(*at, *inside), f"mcp_servers.{'.'.join(map(str, (name, *inside)))}: {told}")
    apps = file.data.get("apps")
    for index, app in enumerate(apps if isinstance(apps, list) else ()):
        tools = app.get("tools") if isinstance(app, dict) else None
        texts = [tool if isinstance(tool, str) else "" for tool in (tools if isinstance(tools, list) else ())]
        for place, told in _of_tools(texts, servers):
            at = ("apps", index)
            yield Problem(file.place(*at, "tools", place), f"{named(file.data, at)}: {told}")


def _of_name(name: str) -> Iterator[tuple[Location, str]]:
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        told = f"a server's name has at most {MAX_NAME} characters from A-Za-z0-9_-, a letter first, and no `__`"
        yield (), told


def _of_server(server: Mapping[str, Any]) -> Iterator[tuple[Location, str]]:
    url, command = server.get("url"), server.get("command")
    if bool(url) == bool(command):
        yield (), "has both url and command; remove one" if url else "needs `url` or `command`"
    for key in ("args", "env") if url else ("headers",) if command else ():
        if server.get(key):
            yield (key,), f"belongs to a server with {'command' if url else 'url'}; remove it"
    if isinstance(url, str) and url:
        yield from _of_url(url)
    if server.get("transport") == "sse":
        yield ("transport",), "HTTP with SSE was replaced by streamable HTTP, which `url` must be the address of"
    if isinstance(command, str) and (command != command.strip() or _CONTROL.search(command)):
        yield ("command",), "is the name or the path of one program; its arguments go into `args`"
    yield from _of_values(server, "headers", _HEADER, "name of a header")
    yield from _of_values(server, "env", _VARIABLE, "name of a variable")
    for key in ("tools", "long"):
        yield from _of_names(server, key)


def _of_names(server: Mapping[str, Any], key: str) -> Iterator[tuple[Location, str]]:
    names = server.get(key)
    for index, tool in enumerate(names if isinstance(names, list) else ()):
        if not isinstance(tool, str) or not isinstance(names, list):
            continue
        if not tool.strip() or tool in names[:index]:
            yield (key, index), f"the tool {tool!r} is empty or given twice; remove it"
        elif key == "long" and tool not in ("*", *_allowed(server, tool)):
            yield (key, index), f"`tools` does not allow {tool!r}; add it there"


def _of_url(url: str) -> Iterator[tuple[Location, str]]:
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        right = False
    if not right or _CONTROL.search(url) or " " in url:
        yield ("url",), "must be a URL: https://..."
    elif parts.username or parts.password:
        yield ("url",), "must not hold a password; use `headers`"


def _of_values(server: Mapping[str, Any], key: str, form: re.Pattern[str], what: str) -> Iterator[tuple[Location, str]]:
    """The values are not shown: they may hold a key."""
    values = server.get(key)
    for name, value in values.items() if isinstance(values, dict) else ():
        at: Location = (key, str(name))
        if not form.fullmatch(str(name)):
            yield at, f"this is no {what}"
        elif key == "headers" and str(name).lower() in _OWN_HEADERS:
            yield at, "the protocol sets this header itself; remove it"
        if not isinstance(value, str):
            continue
        if "\0" in value or (key == "headers" and (_CONTROL.search(value) or not value.isascii())):
            yield at, "has a character that cannot be sent"
        elif found := REFERENCE.fullmatch(value):
            if key == "env" and (found["source"] == "secret" or found["word"]):
                yield at, "must be a text or os.environ/NAME: one process serves all clients"
        elif re.search(r"(?:os\.environ|^secret|\ssecret)/", value):
            yield (
                at,
                "a reference must be the whole value, or its second word, as in Bearer secret/NAME",
            )


def _of_tools(tools: list[str], servers: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    for index, name in enumerate(tools):
        if not name.startswith("mcp:"):
            continue
        found = _TOOL.fullmatch(name)
        if found is None:
            yield index, f"a tool of an MCP server is mcp:SERVER/TOOL or mcp:SERVER/*, not {name!r}"
            continue
        server, tool = found["server"], found["tool"]
        if server not in servers:
            there = ", ".join(map(repr, servers)) or "none"
            yield index, f"there is no MCP server {server!r}{hint(server, servers)}; mcp_servers has {there}"
        elif name in tools[:index]:
            yield index, f"the tool {name!r} is given twice; remove one"
        elif tool != "*" and f"mcp:{server}/*" in tools:
            yield index, f"mcp:{server}/* includes {name!r}; remove one of them"
        elif tool != "*" and tool not in _allowed(servers[server], tool):
            yield index, f"`tools` of the MCP server {server!r} does not allow {tool!r}; add it there"


def _allowed(server: Any, tool: str) -> list[Any]:
    tools = server.get("tools") if isinstance(server, dict) else None
    return tools if isinstance(tools, list) and tools else [tool]
