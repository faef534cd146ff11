"""Work on the event loop of the room, as the thread sees it that waits for it."""

from __future__ import annotations

import concurrent.futures
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mcp.shared.dispatcher import ProgressFnT

from workers.cancellation import CancelToken
from workers.mcp.tool_calls import Called

LOOP_SECONDS = 2.0
"""How late the loop may be."""

FIRST_PAUSE, MAX_PAUSE = 1.0, 60.0
"""Seconds of a call before its first progress is told, and between two: doubled each time. So a call of an hour has at
most 66 steps, and one that ends at once has none."""

MESSAGE_CHARACTERS = 500


@dataclass(frozen=True)
class Progress:
    """A progress notification of a call: `total` and `message` if the server gives them."""

    progress: float
    total: float | None
    message: str | None

    def plain(self) -> dict[str, Any]:
        """As a step of the call."""
        numbers = {"progress": self.progress, "total": self.total}
        step: dict[str, Any] = {
            name: value for name, value in numbers.items() if value is not None and math.isfinite(value)
        }
        return step | ({"message": self.message[:MESSAGE_CHARACTERS]} if self.message else {})


def waited(future: concurrent.futures.Future[Any], token: CancelToken, timeout: float) -> Any:
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


def followed(
    submit: Callable[[ProgressFnT], concurrent.futures.Future[Called]], token: CancelToken, timeout: float
) -> Iterator[Progress | Called]:
    """The newest progress of a call whenever it is time to tell it, then its result. `submit` starts the call. Closing
    the iterator cancels the call. Raises as `waited`."""
    told = _Newest()
    future = submit(told.hear)
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    until = time.monotonic() + timeout + LOOP_SECONDS
    pause = FIRST_PAUSE
    try:
        with token.waking(future.cancel):
            while not done.wait(min(pause, max(0.0, until - time.monotonic()))) and time.monotonic() < until:
                pause = min(2 * pause, MAX_PAUSE)
                if progress := told.take():
                    yield progress
        token.check()
        yield future.result(timeout=0)
    finally:
        future.cancel()


class _Newest:
    """The progress that was not told yet."""

    def __init__(self) -> None:
        self._heard: deque[Progress] = deque(maxlen=1)

    async def hear(self, progress: float, total: float | None, message: str | None) -> None:
        self._heard.append(Progress(progress, total, message))

    def take(self) -> Progress | None:
        return self._heard.pop() if self._heard else None
