"""Runs the generator of a multi-step tool in the tool's own job.

The turn that made the call waits for the first step; later steps go to the client and into the history. A worker that
shuts down requeues the job, and another worker starts the generator again and skips the steps that were delivered.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from functools import partial
from itertools import count
from typing import Any

from app.state.tools.step_calls import StepToolCall
from app.telemetry import prints
from workers.cancellation import CancelToken, Stopped
from workers.step_pace import Suspended
from workers.toolbox import is_error, result_or_error
from workers.tools import ToolContext
from workers.tools.image import with_image_kept
from workers.tools.results import bounded
from workers.tools.runnable import RunnableTool

END_WAIT_SECONDS = 0.05
"""How long a value waits for the generator's end before it is delivered, so that the last value is marked `done`."""

MAX_UNDELIVERED = 4
"""How many values a generator may produce ahead of their delivery."""

_END, _NO_VALUE = object(), object()


class StepRunner:
    """Runs one generator in a thread of its own, so that a cancel never waits for it."""

    def __init__(
        self, tool: RunnableTool, call: StepToolCall, context: ToolContext, result_bytes: int, check: Callable[[], None]
    ) -> None:
        """`check` is called before each step. It raises `Stopped` when no step may begin."""
        self._tool = tool
        self._call = call
        self._context = context
        self._result_bytes = result_bytes
        self._check = check
        self._first_delivered = threading.Event()
        self._values: queue.Queue[Any] = queue.Queue(MAX_UNDELIVERED)
        self._abandoned = False

    def steps(self, token: CancelToken) -> Iterator[tuple[Any, bool]]:
        """`(result, done)` of each step from the first undelivered one. The call's very first step comes at
        once, unmarked. If the last one was not marked `done` in time, `(None, True)` follows it, unless there is only
        an error. Raises `Stopped`; `Suspended` behind the steps before the sleep."""
        with token.waking(self._wake):
            produce = partial(copy_context().run, self._produce, token)
            threading.Thread(target=produce, name=self._call.name, daemon=True).start()
            try:
                yield from self._marked(token)
            finally:
                self._abandoned = True
                self._first_delivered.set()
                self._drain()

    def _marked(self, token: CancelToken) -> Iterator[tuple[Any, bool]]:
        value = self._next(token, None)
        if self._call.steps == 0 and value is not _END:
            yield value, False  # at once: a turn waits for it
            self._first_delivered.set()
            first, value = value, self._next(token, None)
            if value is _END and is_error(first):
                return
        while value is not _END:
            if isinstance(value, Suspended):
                raise value
            following = self._next(token, END_WAIT_SECONDS)
            yield value, following is _END
            if following is _END:
                return
            value = self._next(token, None) if following is _NO_VALUE else following
        yield None, True

    def _next(self, token: CancelToken, timeout: float | None) -> Any:
        try:
            value = self._values.get(timeout=timeout)
        except queue.Empty:
            value = _NO_VALUE
        token.check()
        return value

    def _wake(self) -> None:
        with contextlib.suppress(queue.Full):  # a full queue wakes the consumer anyway
            self._values.put_nowait(_NO_VALUE)

    def _drain(self) -> None:
        """Unblock the generator's thread, so that it sees that it is abandoned."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._values.get_nowait()

    def _produce(self, token: CancelToken) -> None:
        with prints.tool_output(self._call.name, self._context.secrets.conceal_text):
            self._run_steps(token)

    def _run_steps(self, token: CancelToken) -> None:
        results = self._results()
        value = None
        while value is not _END and not self._abandoned:
            try:
                value = result_or_error(lambda: next(results, _END), self._call.name, bool(self._context.secrets))
            except Stopped as stopped:
                token.cancel(stopped.reason)
                return
            except Suspended as suspended:
                self._values.put(suspended)
                return
            self._values.put(value if value is _END else self._context.secrets.conceal(value))

    def _results(self) -> Iterator[Any]:
        """The undelivered values. The second step begins once the first one is delivered: a turn that ends before that
        ends the tool."""
        delivered = 0 if self._tool.resumable else self._call.steps
        with contextlib.closing(self._tool.run(self._call.args, self._context)) as values:
            for index in count():
                self._check()
                value = next(values, _END)
                if value is _END:
                    return
                if index >= delivered:
                    yield bounded(with_image_kept(value, self._context.keep_image), self._result_bytes)
                if self._call.steps == 0:
                    self._first_delivered.wait()
