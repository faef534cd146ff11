"""Runs async tools: coroutines and async generators, on one event loop in a thread of its own.

The thread of a call waits for its coroutine, so that a stop and a timeout hold as for other tools. They also cancel the
coroutine. A tool that blocks the loop would stop all others with it. So a loop that does nothing else for
`BLOCKED_SECONDS` is given up: its calls end with an error, and later calls run on a new loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import sys
import threading
import time
import traceback
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any

from workers.cancellation import CancelToken
from workers.loop_thread import LoopThread
from workers.tools.errors import ToolError

log = logging.getLogger(__name__)

BLOCKED_SECONDS = 10.0

CHECK_SECONDS = 1.0
"""How often a waiting call checks that the loop responds."""


class ToolLoop:
    """The event loop of the async tools of one process. Its thread starts with the first call."""

    def __init__(self, timeout: float = math.inf, blocked_seconds: float = BLOCKED_SECONDS) -> None:
        """`timeout` is the time limit of a coroutine in seconds; the steps of a generator have none."""
        self._timeout = timeout
        self._blocked_seconds = blocked_seconds
        self._thread: _ToolThread | None = None
        self._lock = threading.Lock()

    def call(self, work: Coroutine[Any, Any, Any], token: CancelToken) -> Any:
        """Wait for the coroutine; returns its result. Raises what it raises; `ToolError` when it exceeds its time limit
        or the loop is blocked; `Stopped`."""
        thread = self.running_thread()
        future, done = thread.submit(work), threading.Event()
        future.add_done_callback(lambda _: done.set())
        try:
            with token.waking(future.cancel):
                self.wait(done, thread, self._timeout)
            token.check()
            return future.result()
        finally:
            future.cancel()

    def steps(self, generator: AsyncGenerator[Any, None], token: CancelToken) -> _Steps:
        """The values of an async generator, for a thread. Raises as `call`."""
        return _Steps(self, generator, token)

    def stop(self) -> None:
        """Cancel all calls and end the thread. A thread that is blocked is left behind."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread:
            with contextlib.suppress(TimeoutError):
                thread.stop()

    def running_thread(self) -> _ToolThread:
        """The thread for a new call."""
        with self._lock:
            if self._thread is None:
                self._thread = _ToolThread()
                self._thread.start()
            return self._thread

    def wait(self, done: threading.Event, thread: _ToolThread, timeout: float = math.inf) -> None:
        """Wait for what runs on the thread. Raises `ToolError` after `timeout` seconds, or when the loop is blocked."""
        deadline = time.monotonic() + timeout
        while not done.wait(min(CHECK_SECONDS, deadline - time.monotonic())):
            if time.monotonic() >= deadline:
                raise ToolError(f"The tool did not finish within {timeout:g} seconds")
            if thread.is_blocked(self._blocked_seconds):
                self._give_up(thread)
                raise ToolError("The tool was ended: an async tool blocks the worker; the server's log says where")

    def _give_up(self, thread: _ToolThread) -> None:
        with self._lock:
            if self._thread is not thread:
                return
            self._thread = None
        log.error(
            "an async tool has blocked the event loop of all async tools for %g s: their calls end with an error, and "
            "later ones run on a new loop. Call code that blocks by `await asyncio.to_thread(...)`. The place:\n%s",
            self._blocked_seconds,
            thread.stack(),
        )
        thread.abandon()


class _Steps(Iterator[Any]):
    """An async generator as an iterator for a thread.

    All of it runs in one task: its context variables stay, and it may hold a timeout or a task group open over a
    `yield`.
    """

    def __init__(self, loop: ToolLoop, generator: AsyncGenerator[Any, None], token: CancelToken) -> None:
        self._tool_loop = loop
        self._generator = generator
        self._token = token
        self._wanted: asyncio.Queue[Future[Any]] = asyncio.Queue()
        self._thread: _ToolThread | None = None
        self._task: Future[None] = Future()
        self._done = threading.Event()
        """Set when a step or the task is done."""

    def __next__(self) -> Any:
        self._done.clear()
        if self._thread is None:
            self._thread = self._tool_loop.running_thread()
            self._task = self._thread.submit(self._drive())
            self._task.add_done_callback(lambda _: self._done.set())
        step: Future[Any] = Future()
        step.add_done_callback(lambda _: self._done.set())
        self._thread.call_soon(self._wanted.put_nowait, step)
        with self._token.waking(self._task.cancel):
            if not self._task.done():
                self._tool_loop.wait(self._done, self._thread)
        self._token.check()
        if step.done():
            return step.result()
        self._task.result()  # raises what the generator raised
        raise StopIteration

    def close(self) -> None:
        """Cancel the generator, unless it has ended."""
        self._task.cancel()

    async def _drive(self) -> None:
        async with contextlib.aclosing(self._generator):
            step = await self._wanted.get()
            async for value in self._generator:
                step.set_result(value)
                step = await self._wanted.get()


class _ToolThread(LoopThread):
    """The thread of the loop. Nothing that a tool raises ends it."""

    def __init__(self) -> None:
        super().__init__("async tools")
        self._loop.set_default_executor(_DaemonThreads())
        self._lock = threading.Lock()
        self._is_asked = False
        self._asked_at = 0.0
        self._silent = 0.0

    def is_blocked(self, seconds: float) -> bool:
        """Whether the loop has not responded for `seconds`, as far as checks tell: it is checked every
        `CHECK_SECONDS`."""
        with self._lock:
            now = time.monotonic()
            if self._is_asked:
                # A process that was frozen finds a long time gone: it counts as one check
                self._silent += min(now - self._asked_at, 2 * CHECK_SECONDS)
            else:
                self._is_asked, self._silent = True, 0.0
                self.call_soon(self._respond)
            self._asked_at = now
            return self._silent >= seconds

    def stack(self) -> str:
        """The place where the thread is, as a traceback shows it."""
        frame = sys._current_frames().get(self.ident or 0)
        return "".join(traceback.format_stack(frame)) if frame else "?"

    def abandon(self) -> None:
        """End the thread as soon as it responds again."""
        self.call_soon(lambda: threading.Thread(target=self._stop_late, daemon=True).start())

    def _stop_late(self) -> None:
        with contextlib.suppress(TimeoutError):
            self.stop()

    def _respond(self) -> None:
        with self._lock:
            self._is_asked = False

    def _run(self) -> None:
        while True:
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:  # leaves a task and the loop; the call gets it, too
                log.warning("an async tool raised %s", type(error).__name__)
                continue
            return


class _DaemonThreads(ThreadPoolExecutor):
    """A daemon thread for each `asyncio.to_thread`: one that hangs holds up neither the others nor the exit."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call `fn` in a thread, in the context variables of the caller: `run_in_executor` does not pass them on."""
        future: Future[Any] = Future()
        work = partial(copy_context().run, fn, *args, **kwargs)
        threading.Thread(target=_resolve, args=(future, work), daemon=True).start()
        return future


def _resolve(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
