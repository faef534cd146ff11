"""The MCP servers of aomi.yaml, for the threads of a worker."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import hashlib
import logging
import os
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mcp_types import CallToolResult, Tool

from app.catalog import App, McpServer
from app.catalog.mcp_servers import resolved
from app.config import Settings
from workers.cancellation import CancelToken
from workers.concealment import handle_of
from workers.loop_thread import LoopThread
from workers.mcp import http, stdio
from workers.mcp.connection import LIST_SECONDS, Connection, OpenTransport
from workers.mcp.errors import ServerAway
from workers.mcp.names import names
from workers.mcp.schemas import Unusable, function
from workers.mcp.tool import McpTool
from workers.secrets import Secrets, UnknownSecret
from workers.tools import ToolContext, ToolError

log = logging.getLogger(__name__)

IDLE_SECONDS = 300.0
"""After that, the connection of one client is closed if nothing uses it."""

MAX_OF_CLIENTS = 100
"""Connections of single clients that a worker holds."""

STOP_SECONDS = 4.0

LOOP_SECONDS = 2.0
"""How late the loop may be."""

Key = tuple[str, str]
"""A server's name, and '' or a digest of the client and its headers."""


@dataclass(frozen=True)
class Offer:
    """The tools of MCP servers for one turn, by their names for the model; what the model should know of servers that
    are away; and tools that no model can be given, for the operator."""

    tools: dict[str, McpTool] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Caller:
    """The client of a turn, the digest of its id, and its secrets: headers may hold them."""

    client: str = ""
    secrets: Secrets = field(default_factory=lambda: Secrets({}))


class McpServers:
    """`start` it before use, `stop` it at the end."""

    def __init__(
        self,
        servers: Mapping[str, McpServer],
        settings: Settings,
        environment: Mapping[str, str] = os.environ,
        patience: float = LIST_SECONDS,
    ) -> None:
        """`patience`: how many seconds a turn waits for servers that have not listed their tools yet."""
        self._patience = patience
        self._servers = servers
        self._timeout = settings.tool_timeout
        self._max_bytes = settings.tool_result_bytes + 2 * settings.max_file  # images come as base64
        self._environment = environment
        self._loop = LoopThread("MCP servers")
        self._connections: dict[Key, Connection] = {}
        self._warned: set[str] = set()

    def start(self) -> None:
        """Start the thread, and begin to connect to the servers that all clients share. Does not wait."""
        self._loop.start()
        for name, server in self._servers.items():
            if not server.secrets:
                self._loop.submit(self._warm_up(name))

    def stop(self) -> None:
        """End all sessions and the processes of servers."""
        with contextlib.suppress(TimeoutError, concurrent.futures.TimeoutError):
            self._loop.submit(self._close_all()).result(STOP_SECONDS)
        with contextlib.suppress(TimeoutError, concurrent.futures.TimeoutError):
            self._loop.stop()

    def can_be_asked(self, name: str) -> bool:
        """Whether the server needs no client's secret, and its variables are set."""
        server = self._servers[name]
        return not server.secrets and not server.missing(self._environment)

    def offer(self, app: App, taken: Collection[str], client: str, context: ToolContext) -> Offer:
        """The app's MCP tools; none has a name that is `taken`. Waits a few seconds for servers that have not listed
        theirs yet. Raises `Stopped`."""
        caller, wanted = Caller(client, context.secrets), dict[str, list[str]]()
        for server, tool in app.mcp_tools:
            wanted.setdefault(server, []).append(tool)
        if not wanted:
            return Offer()
        found = self._listed(list(wanted), caller, context.token)
        offered: dict[tuple[str, str], Tool] = {}
        notices = []
        for name, tools in found.items():
            if isinstance(tools, str):
                notices.append(f"The tools of {name!r} are not available now: {tools}.")
                continue
            chosen = wanted[name]
            listed = [tool for tool in tools if self._servers[name].offers(tool.name)]
            offered |= {(name, tool.name): tool for tool in listed if "*" in chosen or tool.name in chosen}
        return self._as_offer(offered, notices, taken, caller)

    def _listed(self, servers: list[str], caller: Caller, token: CancelToken) -> dict[str, tuple[Tool, ...] | str]:
        """The tools of each server, or why there are none."""
        try:
            return _waited(self._loop.submit(self._listings(servers, caller)), token, self._patience)
        except TimeoutError:
            log.error("the event loop of the MCP servers does not respond")
            return dict.fromkeys(servers, "they do not answer")

    def _as_offer(
        self, offered: Mapping[tuple[str, str], Tool], notices: list[str], taken: Collection[str], caller: Caller
    ) -> Offer:
        offer = Offer(notices=notices)
        for (server, tool), name in names(offered, taken).items():
            listed = offered[server, tool]
            try:
                schema = function(name, listed.description or listed.title or tool, listed.input_schema)
            except Unusable as unusable:
                offer.left_out.append(f"the tool {tool!r} of the MCP server {server!r} is left out: it {unusable}")
                continue
            offer.tools[name] = McpTool(name, tool, schema, partial(self._call, server, caller))
        for line in set(offer.left_out) - self._warned:
            log.warning(line)
        self._warned |= set(offer.left_out)
        return offer

    def _call(self, server: str, caller: Caller, tool: str, args: dict[str, Any], token: CancelToken) -> CallToolResult:
        """Call the tool. Raises `ToolError`, `Stopped`."""
        timeout = min(self._servers[server].timeout, self._timeout)
        try:
            return _waited(self._loop.submit(self._called(server, caller, tool, args, timeout)), token, timeout)
        except ServerAway as away:
            raise ToolError(f"The server {server!r} of this tool is not available: {away}; try again later") from None
        except concurrent.futures.CancelledError:
            raise ToolError("The tool was stopped") from None
        except TimeoutError:
            raise ToolError(f"The tool did not finish within {timeout:g} seconds") from None

    # on the loop

    async def _called(
        self, server: str, caller: Caller, tool: str, args: dict[str, Any], timeout: float
    ) -> CallToolResult:
        async with asyncio.timeout(timeout):
            return await self._connection(server, caller).call(tool, args)

    async def _listings(self, servers: list[str], caller: Caller) -> dict[str, tuple[Tool, ...] | str]:
        """The tools of each server, or why there are none."""
        return dict(zip(servers, await asyncio.gather(*(self._listing(name, caller) for name in servers)), strict=True))

    async def _listing(self, server: str, caller: Caller) -> tuple[Tool, ...] | str:
        try:
            return await self._connection(server, caller).listing()
        except ServerAway as away:
            return str(away)

    async def _warm_up(self, server: str) -> None:
        with contextlib.suppress(ServerAway):
            await self._connection(server, Caller()).listing()

    def _connection(self, name: str, caller: Caller) -> Connection:
        """The server's connection; one of the client's own if the headers hold its secrets. Raises `ServerAway`."""
        server = self._servers[name]
        if missing := server.missing(self._environment):
            raise ServerAway(f"its operator has not set {missing[0]}")
        headers = resolved(server.headers, partial(self._value, caller))
        key = (name, _digest(caller.client, headers) if server.secrets else "")
        self._close_idle()
        if key not in self._connections:
            if key[1] and sum(bool(own) for _, own in self._connections) >= MAX_OF_CLIENTS:
                raise ServerAway("too many users use it at once")
            self._connections[key] = Connection(name, self._transport(name, server, headers), self._patience)
        return self._connections[key]

    def _value(self, caller: Caller, source: str, name: str) -> str:
        if source != "secret":
            return self._environment[name]
        try:
            return caller.secrets.reveal(handle_of(name))
        except UnknownSecret:
            raise ServerAway(f"it needs the user's secret {name!r}, which is not saved") from None

    def _transport(self, name: str, server: McpServer, headers: Mapping[str, str]) -> OpenTransport:
        if server.url:
            timeout = max(server.timeout, self._patience)
            return lambda on_end: http.transport(server.url, headers, timeout, self._max_bytes)
        env = resolved(server.env, lambda _, variable: self._environment[variable])
        command = (server.command, *server.args)
        return lambda on_end: stdio.transport(name, command, env, self._max_bytes, on_end)

    def _close_idle(self) -> None:
        before = time.monotonic() - IDLE_SECONDS
        own = {key: one for key, one in self._connections.items() if key[1]}
        idle = [key for key, one in own.items() if not one.calls and one.used_at < before]
        if not idle and len(own) >= MAX_OF_CLIENTS:
            idle = sorted((key for key, one in own.items() if not one.calls), key=lambda key: own[key].used_at)[:1]
        for key in idle:
            closing = asyncio.ensure_future(self._connections.pop(key).close())
            closing.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _close_all(self) -> None:
        await asyncio.gather(*(one.close() for one in self._connections.values()), return_exceptions=True)


def _digest(client: str, headers: Mapping[str, str]) -> str:
    return hashlib.sha256(repr((client, sorted(headers.items()))).encode()).hexdigest()


def _waited(future: concurrent.futures.Future[Any], token: CancelToken, timeout: float) -> Any:
    """The result of what runs on the loop, which gives up after `timeout` seconds by itself if the loop responds. A
    cancel of the token cancels it. Raises `Stopped`, `TimeoutError`."""
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    try:
        with token.waking(future.cancel):
            done.wait(timeout + LOOP_SECONDS)
        token.check()
        return future.result(timeout=0)
    finally:
        future.cancel()
