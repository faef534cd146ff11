"""An asyncio loop in a thread of its own. All model streams of a worker process run on one: provider connections are
kept alive, and a stop closes one within milliseconds. All async tools run on another one."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")

STOP_SECONDS = 5.0


class LoopThread:
    """`start` it before use, `stop` it at the end."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def ident(self) -> int | None:
        """The identifier of the thread, as in `threading.Thread`."""
        return self._thread.ident

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, *closers: Callable[[], Coroutine[object, object, None]]) -> None:
        """Cancel every task, await what the `closers` make, then end the loop and its thread."""
        for last in (_cancel_all, *closers):
            self.submit(last()).result(timeout=STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=STOP_SECONDS)

    def submit(self, work: Coroutine[object, object, T]) -> concurrent.futures.Future[T]:
        """Run `work` on the loop, in the context variables of the caller. Cancelling the future cancels it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call_soon(self, function: Callable[..., object], *args: object) -> None:
        """Call `function` in the thread of the loop."""
        self._loop.call_soon_threadsafe(function, *args)

    def _run(self) -> None:
        self._loop.run_forever()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
