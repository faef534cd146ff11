"""One session with one MCP server: opened when it is needed, again when it was lost, with growing pauses."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from mcp import Client, MCPError
from mcp.client import ClientRequestContext, IncomingMessage
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp.shared.dispatcher import ProgressFnT
from mcp_types import (
    CONNECTION_CLOSED,
    ElicitRequestParams,
    ElicitResult,
    Implementation,
    ToolListChangedNotification,
)
from pydantic import ValidationError

from app.version import __version__
from workers.mcp.errors import CONNECTION_LOST, ServerAway, described, of_the_sdk
from workers.mcp.listed_tool import ListedTool
from workers.mcp.tool_calls import Called, ToolCall, made, with_notes
from workers.tools import ToolError

log = logging.getLogger(__name__)

OPEN_SECONDS = 30.0
"""How long a server may take to start and to list its tools: its program may have to be downloaded."""

LIST_SECONDS = 5.0
"""How long turns wait for the tools of a server that has not listed them yet, from the beginning of the attempt."""

FRESH_SECONDS = 300.0
"""After that, the list of tools is read again when a turn asks for it: not every server says that it has changed."""

FIRST_PAUSE, MAX_PAUSE = 1.0, 60.0
"""Seconds until a server that failed is tried again: doubled with each failure."""

MAX_TOOLS, MAX_PAGES = 500, 100

REFUSED = "The server refuses the call and does not say why"

SESSION_GONE = "Session terminated"
"""The SDK's message for a session that an HTTP server no longer knows: the request was not carried out."""

OpenTransport = Callable[[Callable[[str], object]], AbstractAsyncContextManager[Any]]
"""Makes the transport of a new session; it gets a function to call with the reason when the session is lost."""


class Connection:
    """All methods run on the event loop of the room."""

    def __init__(self, name: str, open_transport: OpenTransport, patience: float = LIST_SECONDS) -> None:
        """`patience`: how many seconds `listing` waits for a server that has not listed its tools yet."""
        self.name = name
        self._patience = patience
        self.used_at = time.monotonic()
        self.calls = 0
        self._open_transport = open_transport
        self._task: asyncio.Task[None] | None = None
        self._opened: asyncio.Future[Client] | None = None
        self._ending, self._stale = asyncio.Event(), asyncio.Event()
        self._tools: tuple[ListedTool, ...] | None = None
        self._started_at = self._listed_at = 0.0
        self._lost = ""
        self._declined: list[list[str]] = []
        self._failures, self._retry_at, self._failure = 0, 0.0, ""

    @property
    def tools(self) -> tuple[ListedTool, ...] | None:
        """The tools that the server listed last; None if it never has."""
        return self._tools

    async def listing(self, patience: float = 0.0) -> tuple[ListedTool, ...]:
        """The server's tools. Those it had when it was last reached, if it is away. `patience`: seconds to wait for the
        first list, if they are more than usual. Raises `ServerAway`."""
        self.used_at = time.monotonic()
        if self._tools is None:
            await self._first_listing(max(patience, self._patience))
        elif time.monotonic() - self._listed_at > FRESH_SECONDS:
            self._stale.set()
            self._start()  # does not wait: the tools of before serve this turn
        assert self._tools is not None
        return self._tools

    async def _first_listing(self, patience: float) -> None:
        self._start()
        try:
            async with asyncio.timeout_at(self._started_at + patience):
                await self._client()
        except TimeoutError:
            raise ServerAway("it does not answer") from None

    async def call(self, call: ToolCall, on_progress: ProgressFnT | None = None) -> Called:
        """Make a call. A cancel of this task cancels the call at the server. Raises `ServerAway`; `ToolError` if the
        server refuses the call."""
        self.calls += 1
        declined: list[str] = []
        self._declined.append(declined)
        try:
            for attempt in range(2):
                client = await self._client()
                try:
                    return with_notes(await made(client, call, on_progress), declined)
                except ToolError:
                    raise
                except ValidationError:
                    raise ToolError("The server answered this call, but not with a result of a tool") from None
                except Exception as error:
                    if isinstance(error, MCPError) and error.message == SESSION_GONE:
                        await self._end()
                        if attempt == 0:
                            continue
                    elif isinstance(error, MCPError) and error.code != CONNECTION_CLOSED:
                        raise ToolError(of_the_sdk(error) or error.message or REFUSED) from None
                    self._ending.set()
                    raise ServerAway(self._lost or described(error)) from error
            raise AssertionError("unreachable")
        finally:
            self.calls -= 1
            self._declined = [other for other in self._declined if other is not declined]
            self.used_at = time.monotonic()

    async def _decline(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        """Decline a question that comes while a call runs, see `elicitation`. Nothing says which one it belongs to."""
        for heard in self._declined:
            heard.append(params.message)
        return ElicitResult(action="decline")

    async def close(self) -> None:
        """End the session and the server's process."""
        if self._task and self._opened and not self._opened.done():
            self._task.cancel()  # a server that does not answer is not waited for
        await self._end()

    async def _end(self) -> None:
        self._ending.set()
        if self._task:
            await asyncio.wait([self._task])

    async def _client(self) -> Client:
        """The open session. Raises `ServerAway`."""
        if self._opened is None or (self._opened.done() and self._ending.is_set()):
            if self._task and not self._task.done():
                await asyncio.wait([self._task])
            self._start()
        opened = self._opened
        if opened is None:
            raise ServerAway(self._failure)
        try:
            return await asyncio.shield(opened)
        except ServerAway as away:
            raise ServerAway(str(away)) from None

    def _start(self) -> None:
        """Begin a session, unless there is one, or the server has just failed."""
        if (self._task and not self._task.done()) or time.monotonic() < self._retry_at:
            return
        self._ending, self._lost = asyncio.Event(), ""
        self._started_at = asyncio.get_running_loop().time()
        self._opened = asyncio.get_running_loop().create_future()
        self._opened.add_done_callback(lambda future: future.cancelled() or future.exception())  # it is not lost
        self._task = asyncio.create_task(self._run(self._opened, self._ending))

    async def _run(self, opened: asyncio.Future[Client], ending: asyncio.Event) -> None:
        """A session, from its start to its end."""
        try:
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(OPEN_SECONDS):
                    client = await stack.enter_async_context(self._new_client(ending))
                    await self._list(client)
                self._failures = 0
                opened.set_result(client)
                log.info("the MCP server %r speaks revision %s", self.name, client.protocol_version)
                async with self._listening(client):
                    await self._keep(client, ending)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # also the SDK's groups of exceptions
            why = described(error)
            self._fail(self._lost if self._lost and why == CONNECTION_LOST else why)
        finally:
            ending.set()
            if not opened.done():
                opened.set_exception(ServerAway(self._failure or "it was stopped"))
            self._opened = None

    def _new_client(self, ending: asyncio.Event) -> Client:
        return Client(
            self._open_transport(partial(self._lose, ending)),
            message_handler=self._hear,
            client_info=Implementation(name="aomi", version=__version__),
            elicitation_callback=self._decline,
            cache=None,
        )

    def _lose(self, ending: asyncio.Event, reason: str) -> None:
        self._lost = self._lost or reason
        ending.set()

    def _fail(self, failure: str) -> None:
        pause = min(MAX_PAUSE, FIRST_PAUSE * 2**self._failures)
        self._failures, self._failure, self._retry_at = self._failures + 1, failure, time.monotonic() + pause
        log.warning("the MCP server %r is not available: %s; the next try is in %g s", self.name, failure, pause)

    async def _keep(self, client: Client, ending: asyncio.Event) -> None:
        """Read the tools again whenever they may have changed, until the session ends."""
        while True:
            waits = [asyncio.create_task(event.wait()) for event in (ending, self._stale)]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            if ending.is_set():
                return
            async with asyncio.timeout(OPEN_SECONDS):
                await self._list(client)

    async def _list(self, client: Client) -> None:
        self._stale.clear()
        tools: list[ListedTool] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES if client.server_capabilities.tools else 0):
            page = await client.list_tools(cursor=cursor)
            tools += map(ListedTool, page.tools)
            cursor = page.next_cursor
            if not cursor or len(tools) >= MAX_TOOLS:
                break
        if len(tools) > MAX_TOOLS or cursor:
            log.warning(
                "the MCP server %r offers more than %d tools, or %d pages; the others are left out",
                self.name,
                MAX_TOOLS,
                MAX_PAGES,
            )
        self._tools, self._listed_at = tuple(tools[:MAX_TOOLS]), time.monotonic()

    async def _hear(self, message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._stale.set()

    @contextlib.asynccontextmanager
    async def _listening(self, client: Client) -> AsyncIterator[None]:
        """Notice changes of the list. Servers of older revisions tell of them unasked (`_hear`)."""
        listed = client.server_capabilities.tools
        task = asyncio.create_task(self._listen(client)) if listed and listed.list_changed else None
        try:
            yield
        finally:
            if task:
                task.cancel()
                await asyncio.wait([task])

    async def _listen(self, client: Client) -> None:
        try:
            async with client.listen(tools_list_changed=True) as events:
                async for _ in events:
                    self._stale.set()
        except (ListenNotSupportedError, SubscriptionLost, MCPError, TimeoutError):
            return  # the list is read again after FRESH_SECONDS
