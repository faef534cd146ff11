"""The MCP servers of aomi.yaml, for the threads of a worker."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import copy
import logging
import os
from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass, field
from functools import partial

from mcp.shared.dispatcher import ProgressFnT

from app.catalog import App, McpServer
from app.config import Settings
from app.tool_schemas import Unusable, function
from workers.cancellation import CancelToken
from workers.loop_thread import LoopThread
from workers.mcp.calls import Progress, followed, waited
from workers.mcp.connection import LIST_SECONDS
from workers.mcp.errors import ServerAway
from workers.mcp.listed_tool import ListedTool
from workers.mcp.names import names
from workers.mcp.pool import Caller, ConnectionPool
from workers.mcp.tool import Call, LongMcpTool, McpTool
from workers.mcp.tool_calls import Called, ToolCall
from workers.tools import ToolContext, ToolError

log = logging.getLogger(__name__)

STOP_SECONDS = 4.0

Listings = dict[str, tuple[ListedTool, ...] | str]
"""The tools of each server, or why there are none."""


@dataclass(frozen=True)
class Offer:
    """The tools of MCP servers for one turn, by their names for the model; what the model should know of servers that
    are away; and tools that no model can be given, for the operator."""

    tools: dict[str, McpTool] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Request:
    server: str
    caller: Caller
    call: ToolCall
    timeout: float


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
        self._environment = environment
        self._loop = LoopThread("MCP servers")
        max_bytes = settings.tool_result_bytes + 2 * settings.max_file  # images come as base64
        self.pool = ConnectionPool(max_bytes, environment, patience)
        self._warned: set[str] = set()

    def with_servers(self, servers: Mapping[str, McpServer]) -> McpServers:
        """The present servers instead of these, which turns that run may still use. Connections to servers whose entry
        is the same stay open; the others close when nothing uses them. Both have the same thread, which `stop` ends."""
        changed = copy.copy(self)
        changed._servers = servers
        changed._begin()
        return changed

    def start(self) -> None:
        """Start the thread, and begin to connect to the servers that all clients share. Does not wait."""
        logging.getLogger("mcp").setLevel(logging.CRITICAL)  # the SDK logs answers that it does not understand
        self._loop.start()
        self._begin()

    def _begin(self) -> None:
        self._loop.call_soon(self.pool.keep, self._servers)
        for name, server in self._servers.items():
            if not server.secrets:
                self._loop.submit(self._warm_up(name))

    def stop(self) -> None:
        """End all sessions and the processes of servers."""
        with contextlib.suppress(TimeoutError, concurrent.futures.TimeoutError):
            self._loop.submit(self.pool.close()).result(STOP_SECONDS)
        with contextlib.suppress(TimeoutError, concurrent.futures.TimeoutError):
            self._loop.stop()
        self.pool.stop_watchdog()

    def can_be_asked(self, name: str) -> bool:
        """Whether the server needs no client's secret, and its variables are set."""
        server = self._servers[name]
        return not server.secrets and not server.missing(self._environment)

    def offer(
        self, app: App, taken: Collection[str], client: str, context: ToolContext, patience: float = 0.0
    ) -> Offer:
        """The app's MCP tools; none has a name that is `taken`. Waits a few seconds for servers that have not listed
        theirs yet, or `patience` seconds if they are more. Raises `Stopped`."""
        caller, wanted = Caller(client, context.secrets), dict[str, list[str]]()
        for server, tool in app.mcp_tools:
            wanted.setdefault(server, []).append(tool)
        if not wanted:
            return Offer()
        found = self._listed(list(wanted), caller, context.token, max(patience, self._patience))
        offered: dict[tuple[str, str], ListedTool] = {}
        notices = []
        for name, tools in found.items():
            if isinstance(tools, str):
                notices.append(f"The tools of {name!r} are not available now: {tools}.")
                continue
            chosen = wanted[name]
            listed = [tool for tool in tools if self._servers[name].offers(tool.name)]
            offered |= {(name, tool.name): tool for tool in listed if "*" in chosen or tool.name in chosen}
        return self._as_offer(offered, notices, taken, caller)

    def _listed(
        self, servers: list[str], caller: Caller, token: CancelToken, patience: float
    ) -> dict[str, tuple[ListedTool, ...] | str]:
        """The tools of each server, or why there are none."""
        try:
            return waited(self._loop.submit(self._listings(servers, caller, patience)), token, patience)
        except TimeoutError:
            log.error("the event loop of the MCP servers does not respond")
            return dict.fromkeys(servers, "they do not answer")

    def _as_offer(
        self, offered: Mapping[tuple[str, str], ListedTool], notices: list[str], taken: Collection[str], caller: Caller
    ) -> Offer:
        offer = Offer(notices=notices)
        for (server, tool), name in names(offered, taken).items():
            try:
                offer.tools[name] = self._as_tool(
                    name, offered[server, tool], server, partial(self._call, server, caller)
                )
            except Unusable as unusable:
                offer.left_out.append(f"the tool {tool!r} of the MCP server {server!r} is left out: it {unusable}")
        for line in set(offer.left_out) - self._warned:
            log.warning(line)
        self._warned |= set(offer.left_out)
        return offer

    def _as_tool(self, name: str, listed: ListedTool, server: str, call: Call) -> McpTool:
        """Raises `Unusable`."""
        kind = LongMcpTool if self._servers[server].is_long(listed.name) else McpTool
        return kind(name, listed, function(name, kind.described(listed.description), listed.parameters), call)

    def _call(
        self, server: str, caller: Caller, call: ToolCall, token: CancelToken
    ) -> Generator[Progress | Called, None, None]:
        """Make the call: its progress, then its result. Raises `ToolError`, `Stopped`."""
        configured = self._servers[server]
        timeout = configured.timeout if configured.is_long(call.tool) else min(configured.timeout, self._timeout)
        request = _Request(server, caller, call, timeout)
        try:
            yield from followed(lambda hear: self._loop.submit(self._called(request, hear)), token, timeout)
        except ServerAway as away:
            raise ToolError(f"The server {server!r} of this tool is not available: {away}; try again later") from None
        except concurrent.futures.CancelledError:
            raise ToolError("The tool was stopped") from None
        except TimeoutError:
            raise ToolError(f"The tool did not finish within {timeout:g} seconds") from None

    # on the loop

    async def _called(self, request: _Request, on_progress: ProgressFnT) -> Called:
        async with asyncio.timeout(request.timeout):
            connection = self.pool.connection(request.server, self._servers[request.server], request.caller)
            return await connection.call(request.call, on_progress)

    async def _listings(self, servers: list[str], caller: Caller, patience: float) -> Listings:
        found = await asyncio.gather(*(self._listing(name, caller, patience) for name in servers))
        return dict(zip(servers, found, strict=True))

    async def _listing(self, server: str, caller: Caller, patience: float) -> tuple[ListedTool, ...] | str:
        try:
            return await self.pool.connection(server, self._servers[server], caller).listing(patience)
        except ServerAway as away:
            return str(away)

    async def _warm_up(self, server: str) -> None:
        with contextlib.suppress(ServerAway):
            await self.pool.connection(server, self._servers[server], Caller()).listing()
