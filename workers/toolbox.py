"""Runs the tool calls of one reply in parallel, each with a timeout. The model gets a result for every call, also when
a tool fails."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from app.telemetry import content, prints, tracing
from workers.cancellation import CancelToken, Stopped
from workers.step_pace import Suspended
from workers.tools import ClientRequest, ToolContext, ToolError
from workers.tools.image import with_image_kept
from workers.tools.results import bounded, error_text
from workers.tools.runnable import RunnableTool
from workers.tools.waiting import CallWaits
from workers.turn import ToolRequest

log = logging.getLogger(__name__)

BeginSteps = Callable[[ToolRequest, RunnableTool, CancelToken], Any]
"""Starts a multi-step tool in a job of its own and waits for its first step's result."""

AskClient = Callable[[ToolRequest, ClientRequest], Any]
"""Sends a tool call's request to the client; returns the call's result for the model."""

CheckRunning = Callable[[], None]
"""Raises `Stopped` when the turn no longer runs."""

MAX_CLIENT_REQUEST_BYTES = 16 * 1024


NO_OBJECT = {"error": "The arguments are not a JSON object"}


def no_tool(name: str, names: Collection[str]) -> dict[str, str]:
    """The result of a call of a tool that is not one of `names`."""
    return {"error": f"There is no tool {name!r}; there are: {', '.join(names) or 'none'}"}


def _no_client(call: ToolRequest, wanted: ClientRequest) -> Any:
    raise ToolError("No client can be asked here")


@dataclass(frozen=True)
class ToolLimits:
    """Of one call: `timeout` in seconds, and the size of its result."""

    timeout: float
    result_bytes: int


class Toolbox:
    """The tools of one turn."""

    def __init__(
        self,
        tools: Mapping[str, RunnableTool],
        context: ToolContext,
        begin_steps: BeginSteps,
        limits: ToolLimits,
        ask_client: AskClient = _no_client,
        check_running: CheckRunning = lambda: None,
    ) -> None:
        self._tools = tools
        self._context = context
        self._begin_steps = begin_steps
        self._limits = limits
        self._ask_client = ask_client
        self._check_running = check_running

    @property
    def schemas(self) -> list[dict[str, Any]]:
        """The tools in the form of OpenAI's chat API."""
        return [tool.schema for tool in self._tools.values()]

    def __call__(self, calls: tuple[ToolRequest, ...], token: CancelToken) -> Iterator[tuple[ToolRequest, Any]]:
        """Run the calls in parallel; yields each with its result as it finishes, or with the `Question` for which it
        waits. Raises `Stopped`.

        A tool that exceeds its timeout goes on in its thread, and its result is dropped: a thread cannot be killed. An
        async tool is cancelled.
        """
        finished: queue.SimpleQueue[tuple[ToolRequest, Any] | None] = queue.SimpleQueue()
        for call in calls:
            target = partial(copy_context().run, self._run_into, finished, call, token)
            threading.Thread(target=target, name=call.name, daemon=True).start()
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
        timed_out = {"error": f"The tool did not finish within {self._limits.timeout:g} seconds"}
        yield from ((call, timed_out) for call in open_calls.values())

    def goes_on(self, call: ToolRequest, result: Any) -> bool:
        """Whether later steps follow the first `result` of a call: if a multi-step tool has begun."""
        tool = self._tools.get(call.name)
        return tool is not None and tool.has_steps and not is_error(result)

    def _run_into(self, finished: queue.SimpleQueue[Any], call: ToolRequest, token: CancelToken) -> None:
        try:
            finished.put((call, self._result(call, token)))
        except Stopped as stopped:
            token.cancel(stopped.reason)
            finished.put(None)

    def _result(self, call: ToolRequest, token: CancelToken) -> Any:
        tool, args = self._tools.get(call.name), call.args()
        if tool is None:
            return no_tool(call.name, self._tools)
        if args is None:
            return NO_OBJECT
        secrets = self._context.secrets
        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": call.name,
            "gen_ai.tool.call.id": call.call_id,
        }
        with (
            tracing.span(f"execute_tool {call.name}", attributes) as span,
            prints.tool_output(call.name, secrets.conceal_text),
        ):
            tracing.add_content(lambda: content.of_arguments(args, secrets.conceal_text))
            work = partial(self._run, tool, call, args, token)
            try:
                result = result_or_error(lambda: bounded(work(), self._limits.result_bytes), call.name, bool(secrets))
            except CallWaits as waits:
                return replace(waits.question, args=args)
            if is_error(result):
                span.fail("tool_error")
            concealed = secrets.conceal(result)
            tracing.add_content(lambda: content.of_result(concealed, secrets.conceal_text))
        return concealed

    def _run(self, tool: RunnableTool, call: ToolRequest, args: dict[str, Any], token: CancelToken) -> Any:
        context = replace(self._context, call_id=call.call_id, replied=call.replied)
        if tool.has_steps:
            tool.run(args, context)  # only creates the generator, to refuse bad arguments here
            return self._begin_steps(call, tool, token)
        self._check_running()  # Redis knows: this process may have hung until its turn was ended as lost
        result = with_image_kept(tool.run(args, context), context.keep_image)
        return self._request_client(call, result) if isinstance(result, ClientRequest) else result

    def _request_client(self, call: ToolRequest, wanted: ClientRequest) -> Any:
        body = self._context.secrets.conceal(bounded(wanted.body, MAX_CLIENT_REQUEST_BYTES))
        if not isinstance(body, dict) or body.keys() == {"error"}:
            raise ToolError(
                f"The body of a client request must be a JSON object of at most {MAX_CLIENT_REQUEST_BYTES:,} bytes"
            )
        if self._context.secrets.conceal_text(wanted.kind) != wanted.kind:
            raise ToolError("The kind of a client request must not contain a secret")
        return self._ask_client(call, ClientRequest(wanted.kind, body))


def result_or_error(work: Callable[[], Any], name: str, has_secrets: bool = False) -> Any:
    """The result of `work`, or `{"error": ...}` for the model when it raises, be it `SystemExit`. Lets `Stopped`,
    `Suspended` and `CallWaits` pass. Logs no traceback if `has_secrets`: its text may contain one."""
    try:
        return work()
    except (Stopped, Suspended, CallWaits):
        raise
    except ToolError as error:
        return {"error": error_text(error)}
    except BaseException as error:
        log.error("tool %s failed: %s", name, type(error).__name__, exc_info=not has_secrets)
        return {"error": f"The tool {name} failed; the server's log says why"}


def is_error(result: Any) -> bool:
    """Whether a result says only why there is none."""
    return isinstance(result, dict) and result.keys() == {"error"}


def _next(finished: queue.SimpleQueue[Any], deadline: float) -> Any | None:
    try:
        return finished.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        return None
