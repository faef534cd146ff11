"""Running the tool calls of one reply: side by side, each with a time of its own; whatever a tool does, the model
gets a result."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from workers.token import Stopped, Token
from workers.tools import Tool, ToolContext, ToolError, bounded
from workers.turn import ToolRequest

log = logging.getLogger(__name__)

BeginSteps = Callable[[ToolRequest, Tool, Token], Any]
"""Starts a multi-step tool outside the turn and waits for its first step."""


@dataclass(frozen=True)
class Limits:
    """Seconds for one call, bytes of one result."""

    timeout: float
    result_bytes: int


class Toolbox:
    """The tools of one turn."""

    def __init__(self, tools: dict[str, Tool], context: ToolContext, begin_steps: BeginSteps, limits: Limits) -> None:
        self._tools = tools
        self._context = context
        self._begin_steps = begin_steps
        self._limits = limits

    @property
    def schemas(self) -> list[dict[str, Any]]:
        """What the model is told of the tools."""
        return [tool.schema for tool in self._tools.values()]

    def __call__(self, calls: tuple[ToolRequest, ...], token: Token) -> Iterator[tuple[ToolRequest, Any]]:
        """Run the calls side by side; yields each with its result as it finishes. Raises `Stopped`.

        A tool that does not end in time is left behind: a thread cannot be killed.
        """
        finished: queue.SimpleQueue[tuple[ToolRequest, Any] | None] = queue.SimpleQueue()
        for call in calls:
            work = threading.Thread(target=self._into, args=(finished, call, token), name=call.name, daemon=True)
            work.start()
        open_calls = {call.call_id: call for call in calls}
        deadline = time.monotonic() + self._limits.timeout
        with token.waking(lambda: finished.put(None)):
            while open_calls:
                done = _next(finished, deadline)
                token.check()
                if done is None:
                    break
                del open_calls[done[0].call_id]
                yield done
        late = {"error": f"The tool did not finish within {self._limits.timeout:g} seconds"}
        yield from ((call, late) for call in open_calls.values())

    def _into(self, finished: queue.SimpleQueue[Any], call: ToolRequest, token: Token) -> None:
        try:
            finished.put((call, self._result(call, token)))
        except Stopped:
            finished.put(None)

    def _result(self, call: ToolRequest, token: Token) -> Any:
        tool, args = self._tools.get(call.name), call.args()
        if tool is None:
            return {"error": f"There is no tool {call.name!r}; there are: {', '.join(self._tools) or 'none'}"}
        if args is None:
            return {"error": "The arguments are not a JSON object"}
        return attempt(lambda: bounded(self._run(tool, call, args, token), self._limits.result_bytes), call.name)

    def _run(self, tool: Tool, call: ToolRequest, args: dict[str, Any], token: Token) -> Any:
        if tool.has_steps:
            tool.run(args, self._context)  # makes the generator only: bad arguments are refused here
            return self._begin_steps(call, tool, token)
        return tool.run(args, self._context)


def attempt(work: Callable[[], Any], name: str) -> Any:
    """What `work` returns, or `{"error": ...}` for the model to read. `Stopped` passes."""
    try:
        return work()
    except ToolError as error:
        return {"error": str(error)}
    except Exception:
        log.exception("tool %s failed", name)
        return {"error": f"The tool {name} failed"}


def _next(finished: queue.SimpleQueue[Any], deadline: float) -> Any | None:
    try:
        return finished.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        return None
