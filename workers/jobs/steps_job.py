"""The job of a multi-step tool: from its first undelivered step to its end."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any

from rq import Retry

from app.services import Services
from app.state.session_fields import session_user_state
from app.state.tools.step_calls import StepToolCall
from app.state.turns.control_messages import steps_work, turn_work
from app.state.turns.turn_requests import Principal
from app.telemetry import tracing
from app.telemetry.log_context import LogContext, log_context
from app.telemetry.logs import short_session_id
from app.turns.current_key import KEY_REFUSED, current_principal
from workers.cancellation import ENDED_ELSEWHERE, FINISHED, SHUTDOWN, CancelToken, Stopped
from workers.jobs.handing_over import REQUEUE, can_hand_over, hand_over
from workers.jobs.mcp_tools import mcp_tool
from workers.jobs.tool_context import tool_context
from workers.runtime import Runtime, current, with_tools
from workers.step_pace import StepPace, Suspended
from workers.step_runner import StepRunner
from workers.tools import ToolContext, ToolError
from workers.tools.runnable import RunnableTool


def run_steps(session_id: str, run_id: str, call_id: str) -> Retry | None:
    """Run a multi-step tool from its first undelivered step to its end, or until it sleeps for long. Does nothing when
    the call has finished, sleeps, its session is gone, or its turn ended before it began. Returns `REQUEUE` when this
    worker shuts down before the tool's end, or lacks the tool."""
    services, calls = current().services, current().services.step_calls
    call = calls.claim(session_id, run_id, call_id)
    session = services.sessions.get(session_id)
    if call is None or session is None:
        return None
    names = [steps_work(run_id, call_id), *([] if call.steps else [turn_work(run_id)])]
    issued = current().cancel_tokens.issue(*names, background=True)
    log_fields = LogContext(call.trace_context.get("request", ""), short_session_id(session_id), run_id)
    with log_context(log_fields), issued as token:
        try:
            context = tool_context(services, session_id, session_user_state(session), call.client, token, call.steps)
            runtime = _runtime(call)
            tool = _tool(runtime, call, context) if runtime else None
            if runtime is None or tool is None:
                return _without_tool(services, call, token)
            with _span(call):
                _run(runtime, call, tool, context)
        except Suspended as asleep:
            calls.suspend(call, asleep.slept, asleep.seconds)
            return None
        except Stopped as stopped:
            if stopped.reason == SHUTDOWN:
                return REQUEUE
        token.cancel(FINISHED)  # wakes a tool that still sleeps, so that its thread ends
    calls.finish(call)
    return None


def _runtime(call: StepToolCall) -> Runtime | None:
    """The runtime with the tools that the app had when the call was made. Where no worker has them any more, the
    present one; None while another worker does."""
    began = with_tools(call.app, call.tools)
    if began is None and call.tools and can_hand_over():
        elsewhere = any(call.tools in process.tools for process in current().services.reloads.heard())
        return None if elsewhere else current()
    return began or current()


def _tool(runtime: Runtime, call: StepToolCall, context: ToolContext) -> RunnableTool | None:
    """None if this worker lacks the tool. Raises `Stopped`."""
    app = runtime.services.catalog.app(call.app)
    if app is None:
        return None
    return runtime.tools_of(app).get(call.name) or mcp_tool(runtime, app, call.name, call.client, context)


def _run(runtime: Runtime, call: StepToolCall, tool: RunnableTool, context: ToolContext) -> None:
    services, settings, token = runtime.services, runtime.services.settings, context.token
    longest = settings.long_sleep if tool.resumable else math.inf
    pace = StepPace(call, token, partial(_check, services, call), settings.lease, longest)
    context = replace(context, sleeper=pace, call_id=call.call_id)
    runner = StepRunner(tool, call, context, settings.tool_result_bytes, pace.begin_step)
    for step, result in enumerate(runner.steps(token), call.steps + 1):
        if not _deliver_step(runtime, call, step, result, token):
            return


def _check(services: Services, call: StepToolCall) -> None:
    """Raises `Stopped` when this job may not begin the next step: another worker has taken the call over while this one
    hung, or the turn ended before the first step. Raises `ToolError` when the API key of the turn no longer opens its
    app: a watch may go on for years."""
    if not services.step_calls.may_step(call):
        raise Stopped(ENDED_ELSEWHERE)
    if current_principal(services.api_keys, Principal(api_key_id=call.api_key_id), call.app) is None:
        raise ToolError(KEY_REFUSED)


def _without_tool(services: Services, call: StepToolCall, token: CancelToken) -> Retry | None:
    """Hand the call over to a worker that has its tool. If there is none, an error is its last step."""
    if can_hand_over():
        return hand_over(f"tool {call.name}", token)
    error = {"error": f"The tool {call.name!r} is no longer configured"}
    if call.steps:
        services.step_calls.deliver(call, call.steps + 1, error, done=True)
    else:
        services.step_calls.set_first_step(call, error)
    services.step_calls.finish(call)
    return None


def _span(call: StepToolCall) -> AbstractContextManager[tracing.Span]:
    """A span in a trace of its own, linked to the trace of the turn that made the call."""
    attributes: dict[str, tracing.Value] = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": call.name,
        "gen_ai.tool.call.id": call.call_id,
        "aomi.run": call.run_id,
        "aomi.step": call.steps,
    }
    return tracing.span(f"steps of {call.name}", attributes, "CONSUMER", link=call.trace_context)


def _deliver_step(
    runtime: Runtime, call: StepToolCall, step: int, result: tuple[Any, bool], token: CancelToken
) -> bool:
    """Deliver a step, `(result, done)`. False when nobody waits for more. The end of its turn no longer stops a tool
    whose first step was delivered."""
    calls, (value, done) = runtime.services.step_calls, result
    if step > 1:
        return calls.deliver(call, step, value, done, sleep=token.sleep)
    runtime.cancel_tokens.detach(token, turn_work(call.run_id))  # before: the next line refuses what has ended by then
    return calls.set_first_step(call, value)
