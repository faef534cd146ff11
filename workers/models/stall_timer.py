"""The stall timer: notices a provider that sends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

REST_SECONDS = 1.0
"""Seconds that the provider has after a reply's end, for its usage or a last chunk."""

_RESTS = 4
"""Parts in which they pass. A process that is held up for longer than all of them still reads what has come by then:
the loop reads between two timers."""


class StallTimer:
    """Calls `on_stall(seconds)` once, after a third of the `stall` seconds of silence at the end of which `limit`
    fires. A chunk costs one look at the clock; a timer does the rest."""

    def __init__(self, limit: asyncio.Timeout, stall: float, on_stall: Callable[[float], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._stall = stall
        self._on_stall = on_stall
        self._told = False
        self.reset()
        self._timer = self._loop.call_later(stall / 3, self._look)

    def reset(self) -> None:
        """Something came."""
        self._heard = self._loop.time()

    def expect_little(self) -> None:
        """The reply has ended; only what belongs to it may still come."""
        self._timer.cancel()
        self._rest(_RESTS)

    def cancel(self) -> None:
        """Watch no more."""
        self._timer.cancel()

    def _rest(self, parts: int) -> None:
        if parts:
            self._timer = self._loop.call_later(REST_SECONDS / _RESTS, self._rest, parts - 1)
        else:
            self._limit.reschedule(self._loop.time())

    def _look(self) -> None:
        now, third = self._loop.time(), self._stall / 3
        if now >= self._heard + self._stall:
            self._limit.reschedule(now)
            return
        if now >= self._heard + third and not self._told:
            self._told = True
            self._loop.run_in_executor(None, self._on_stall, round(third, 1))
        self._timer = self._loop.call_at(self._heard + (self._stall if self._told else third), self._look)
