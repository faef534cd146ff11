"""When the streams of models are read. While the outbox pauses between two calls, nobody needs what comes: it waits in
the connections, and is read, parsed and passed on as one piece. Measured in docs/scaling.md."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

LONGEST_SHUT = 0.25
"""Seconds after which streams are read again, whatever the outbox does: it may wait for Redis at each call."""

MOST_WAITING = 4096
"""Bytes: behind a read of more there is more, which is read at once."""

FIRST_READS = 2
"""They are not waited for: the first text is behind what a provider sends before it, and somebody waits for it."""


class ReadPace:
    """Streams await `turn` between two reads, on their loop. It returns at once until `shut` is called; then at each
    `collect`, and after `open`, both called by the outbox, in its thread.

    `call_soon` calls a function in the thread of the loop. Without it nothing is ever shut.
    """

    def __init__(self, call_soon: Callable[..., object] | None = None) -> None:
        self._call_soon = call_soon
        self._is_shut = False
        self._turn = asyncio.Event()
        self._opening: asyncio.TimerHandle | None = None

    async def turn(self) -> None:
        """Wait until the stream may be read."""
        if self._is_shut:
            await self._turn.wait()

    def shut(self) -> None:
        """Have streams wait before their next read."""
        if self._call_soon:
            self._is_shut = True
            self._call_soon(self._open_in_time)

    def collect(self) -> None:
        """Have the streams that wait read once. Returns when they have passed on what they read."""
        if self._call_soon:
            is_read = threading.Event()
            self._call_soon(self._let_read, is_read)
            is_read.wait(LONGEST_SHUT)

    def open(self) -> None:
        """Have streams wait no more."""
        self._is_shut = False
        if self._call_soon:
            self._call_soon(self._wake)

    def _let_read(self, is_read: threading.Event) -> None:
        self._wake()
        asyncio.get_running_loop().call_soon(is_read.set)  # behind the streams: a loop keeps the order
        self._open_in_time()

    def _wake(self) -> None:
        self._turn.set()
        self._turn.clear()

    def _open_in_time(self) -> None:
        if self._opening:
            self._opening.cancel()
        self._opening = asyncio.get_running_loop().call_later(LONGEST_SHUT, self._open_late)

    def _open_late(self) -> None:
        self._is_shut = False
        self._wake()
