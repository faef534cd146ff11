"""When the steps of a multi-step tool begin, and how it sleeps between them.

A long sleep of a resumable tool ends its job: `Suspended` leaves the generator, and a reaper enqueues the job again
when the sleep is over. The generator then starts behind its last delivered step, and the sleeps that it has slept since
that step return at once.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from app.state.tools.step_calls import StepToolCall
from workers.cancellation import CancelToken


class Suspended(BaseException):
    """The tool sleeps for `seconds` without a job; it has slept `slept` times since its last delivered step, this sleep
    included. Not an `Exception`, so that no tool swallows it."""

    def __init__(self, seconds: float, slept: int) -> None:
        super().__init__(f"asleep for {seconds:g} s")
        self.seconds = seconds
        self.slept = slept


class StepPace:
    """The pace of one call in one job."""

    def __init__(
        self, call: StepToolCall, token: CancelToken, check: Callable[[], None], lease: float, longest: float = math.inf
    ) -> None:
        """`check` raises `Stopped` when no step may begin. A sleep of more than `longest` seconds ends the job,
        unless a turn still waits for the first step."""
        self._token = token
        self._check = check
        self._lease = lease
        self._longest = longest
        self._may_suspend = call.steps > 0
        self._over = call.slept
        self._slept = 0
        self._has_begun = False

    def begin_step(self) -> None:
        """Called before each step. Raises `Stopped`."""
        self._check()
        if self._has_begun:
            self._may_suspend, self._over, self._slept = True, 0, 0
        self._has_begun = True

    def sleep(self, seconds: float) -> None:
        """The tool's `ToolContext.sleep`. Raises `Suspended`, `Stopped`."""
        if self._is_over(seconds):
            return
        began = time.monotonic()
        self._token.sleep(seconds)
        self._check_after(began)

    async def async_sleep(self, seconds: float) -> None:
        """The same for an async tool."""
        if self._is_over(seconds):
            return
        began = time.monotonic()
        await self._token.async_sleep(seconds)
        await asyncio.to_thread(self._check_after, began)

    def _is_over(self, seconds: float) -> bool:
        """Whether the sleep that begins was slept in a job before. Raises `Suspended`, `Stopped`."""
        self._slept += 1
        if self._slept <= self._over:
            self._token.check()
            return True
        if seconds > self._longest and self._may_suspend:
            raise Suspended(seconds, self._slept)
        return False

    def _check_after(self, began: float) -> None:
        if time.monotonic() - began >= self._lease:
            self._check()  # this process may have hung, and lost its call to another one
