"""The connections of a worker to its MCP servers: one for all clients, or one for each client whose secrets the headers
hold."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from app.catalog import McpServer
from app.catalog.mcp_servers import resolved
from workers.concealment import handle_of
from workers.mcp import http, stdio
from workers.mcp.connection import Connection, OpenTransport
from workers.mcp.errors import ServerAway
from workers.mcp.watchdog import Watchdog
from workers.secrets import Secrets, UnknownSecret

IDLE_SECONDS = 300.0
"""After that, the connection of one client is closed if nothing uses it."""

REPLACED_SECONDS = 10.0
"""After that, a connection of a server whose entry in aomi.yaml has changed is closed if nothing uses it: a turn that
began before may make several calls."""

SWEEP_SECONDS = 0.5

MAX_OF_CLIENTS = 100
"""Connections of single clients that a worker holds."""

Key = tuple[str, str, str]
"""A server's name, '' or a digest of the client and its headers, and the server's entry in aomi.yaml."""


@dataclass(frozen=True)
class Caller:
    """The client of a turn, the digest of its id, and its secrets: headers may hold them."""

    client: str = ""
    secrets: Secrets = field(default_factory=lambda: Secrets({}))


class ConnectionPool:
    """Its methods run on the event loop of the room."""

    def __init__(self, max_bytes: int, environment: Mapping[str, str], patience: float) -> None:
        """`max_bytes`: of one message of a server. `patience`: seconds for a server's first list of tools."""
        self.connections: dict[Key, Connection] = {}
        self._current: set[str] = set()
        self._sweep: asyncio.Task[None] | None = None
        self._max_bytes = max_bytes
        self._environment = environment
        self._patience = patience
        self._watchdog = Watchdog()

    def keep(self, servers: Mapping[str, McpServer]) -> None:
        """From now on, connections of other servers, or of these with another entry, close when nothing uses them."""
        self._current = {entry(server) for server in servers.values()}
        self._close_replaced_later()

    def connection(self, name: str, server: McpServer, caller: Caller) -> Connection:
        """The server's connection for this client. Raises `ServerAway`."""
        if missing := server.missing(self._environment):
            raise ServerAway(f"its operator has not set {missing[0]}")
        headers = resolved(server.headers, partial(self._value, caller))
        key = (name, _digest(caller.client, headers) if server.secrets else "", entry(server))
        self._close_idle()
        if key not in self.connections:
            if key[1] and sum(bool(own) for _, own, _ in self.connections) >= MAX_OF_CLIENTS:
                raise ServerAway("too many users use it at once")
            self.connections[key] = Connection(name, self._transport(name, server, headers), self._patience)
            self._close_replaced_later()
        return self.connections[key]

    async def close(self) -> None:
        """End all sessions and the processes of servers."""
        await asyncio.gather(*(one.close() for one in self.connections.values()), return_exceptions=True)

    def stop_watchdog(self) -> None:
        """End what `close` has left, when the loop has ended."""
        self._watchdog.stop()

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
        program = stdio.Program(name, (server.command, *server.args), env)
        return lambda on_end: stdio.transport(program, self._max_bytes, self._watchdog, on_end)

    def _close_idle(self) -> None:
        before = time.monotonic() - IDLE_SECONDS
        own = {key: one for key, one in self.connections.items() if key[1]}
        idle = [key for key, one in own.items() if not one.calls and one.used_at < before]
        if not idle and len(own) >= MAX_OF_CLIENTS:
            idle = sorted((key for key, one in own.items() if not one.calls), key=lambda key: own[key].used_at)[:1]
        for key in idle:
            self._close(key)

    def _close_replaced_later(self) -> None:
        if self._replaced() and (self._sweep is None or self._sweep.done()):
            self._sweep = asyncio.ensure_future(self._close_replaced())

    async def _close_replaced(self) -> None:
        while replaced := self._replaced():
            before = time.monotonic() - REPLACED_SECONDS
            for key in replaced:
                if not self.connections[key].calls and self.connections[key].used_at < before:
                    self._close(key)
            await asyncio.sleep(SWEEP_SECONDS)

    def _replaced(self) -> list[Key]:
        return [key for key in self.connections if key[2] not in self._current]

    def _close(self, key: Key) -> None:
        closing = asyncio.ensure_future(self.connections.pop(key).close())
        closing.add_done_callback(lambda done: done.cancelled() or done.exception())


def entry(server: McpServer) -> str:
    """A server's entry in aomi.yaml: another one is another server."""
    return server.model_dump_json()


def _digest(client: str, headers: Mapping[str, str]) -> str:
    return hashlib.sha256(repr((client, sorted(headers.items()))).encode()).hexdigest()
