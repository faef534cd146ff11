"""Multi-step tools: begun by a turn, run to their end in a job of their own.

The generator runs once, in that job, from its first step on. The first step answers the turn that waits for it;
later ones go to the client and into the history. A worker that stops hands the job back: it starts again behind
the steps that were delivered.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from contextvars import copy_context
from functools import partial
from typing import Any

from app.state.step_calls import StepToolCall
from workers.cancellation import CancelToken, Stopped
from workers.toolbox import attempt
from workers.tools import Tool, ToolContext, bounded

LAST_WITHIN = 0.05
"""Seconds in which a generator that is through says so, so that its last value can be marked `done`."""

AHEAD = 4
"""Values a generator may be ahead of their delivery."""

_END, _NOTHING = object(), object()


class StepRunner:
    """Drives one generator in a thread of its own, so that a stop never waits for it."""

    def __init__(self, tool: Tool, call: StepToolCall, context: ToolContext, result_bytes: int) -> None:
        self._tool = tool
        self._call = call
        self._context = context
        self._result_bytes = result_bytes
        self._values: queue.Queue[Any] = queue.Queue(AHEAD)
        self._left = False

    def steps(self, token: CancelToken) -> Iterator[tuple[Any, bool]]:
        """Each result from the first undelivered one on, with whether it is known to be the last. When the last
        one was not known to be so, `(None, True)` follows. Raises `Stopped`."""
        with token.waking(self._wake):
            drive = partial(copy_context().run, self._drive)
            threading.Thread(target=drive, name=self._call.name, daemon=True).start()
            try:
                yield from self._delivered(token)
            finally:
                self._left = True
                self._make_room()

    def _delivered(self, token: CancelToken) -> Iterator[tuple[Any, bool]]:
        value = self._take(token, None)
        while value is not _END:
            following = self._take(token, LAST_WITHIN)
            yield value, following is _END
            if following is _END:
                return
            value = self._take(token, None) if following is _NOTHING else following
        yield None, True

    def _take(self, token: CancelToken, timeout: float | None) -> Any:
        try:
            value = self._values.get(timeout=timeout)
        except queue.Empty:
            value = _NOTHING
        token.check()
        return value

    def _wake(self) -> None:
        with contextlib.suppress(queue.Full):  # then nobody waits
            self._values.put_nowait(_NOTHING)

    def _make_room(self) -> None:
        """Let the generator's thread see that nobody takes its values any more."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._values.get_nowait()

    def _drive(self) -> None:
        results = self._results()
        value = None
        while value is not _END and not self._left:
            try:
                value = attempt(lambda: next(results, _END), self._call.name, bool(self._context.secrets))
            except Stopped:
                return
            self._values.put(value if value is _END else self._context.secrets.conceal(value))

    def _results(self) -> Iterator[Any]:
        delivered = 0 if self._tool.resumes else self._call.steps
        for place, value in enumerate(self._tool.run(self._call.args, self._context)):
            if place >= delivered:
                yield bounded(value, self._result_bytes)
