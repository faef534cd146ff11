"""Clients that hold a stream open: idle ones, and ones that time each event by the moment it carries."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

from benchmarks.load import Request

MOMENT = re.compile(rb"(\d{16})~")
"""The nanosecond that an event of `driver.say` was made at."""

TOGETHER = 50
"""Streams that are opened at the same time."""


class Listener(asyncio.Protocol):
    """One open stream. `delays` are seconds from an event's making to its arrival."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._half = b""
        self.opened = asyncio.Event()
        self.delays: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request.data)

    def data_received(self, data: bytes) -> None:
        """Time what came; the rest of a line that is not whole waits for the other half."""
        now = time.monotonic_ns()
        self.opened.set()
        *lines, self._half = (self._half + data).rsplit(b"\n", 1)
        if lines:
            self.delays += [(now - int(moment)) / 1e9 for moment in MOMENT.findall(lines[0])]

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody waits for it any longer."""
        self.opened.set()

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()


@asynccontextmanager
async def listening(requests: Sequence[Request]) -> AsyncIterator[list[Listener]]:
    """Listeners, all of which have had their first bytes."""
    loop = asyncio.get_running_loop()
    together = asyncio.Semaphore(TOGETHER)

    async def one(request: Request) -> Listener:
        async with together:
            _, listener = await loop.create_connection(lambda: Listener(request), request.host, request.port)
            async with asyncio.timeout(30):
                await listener.opened.wait()
            return listener

    listeners = await asyncio.gather(*map(one, requests))
    try:
        yield list(listeners)
    finally:
        for listener in listeners:
            listener.close()
