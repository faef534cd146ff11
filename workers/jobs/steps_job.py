"""The job of a multi-step tool: from its first undelivered step to its end."""

from __future__ import annotations

from contextlib import AbstractContextManager

from rq import Retry

from app.services import Services
from app.state.control_messages import steps_work
from app.state.session_fields import session_user_state
from app.state.step_calls import StepToolCall
from app.telemetry import tracing
from app.telemetry.log_context import LogContext, log_context
from app.telemetry.logs import short_session_id
from workers.cancellation import DROPPED, FINISHED, CancelToken, Stopped
from workers.jobs.handing_over import REQUEUE, can_hand_over, hand_over
from workers.jobs.tool_context import tool_context
from workers.runtime import current
from workers.step_runner import StepRunner


def run_steps(session_id: str, run_id: str, call_id: str) -> Retry | None:
    """Run a multi-step tool from its first undelivered step to its end. Does nothing when the call has finished or its
    session is gone. Returns `REQUEUE` when this worker shuts down before the tool's end, or lacks the tool."""
    runtime = current()
    services, calls = runtime.services, runtime.services.step_calls
    call = calls.get(session_id, run_id, call_id)
    session = services.sessions.get(session_id)
    if call is None or session is None:
        return None
    tool = runtime.tools_of(services.catalog.app(call.app)).get(call.name)
    work = steps_work(run_id, call_id)
    if tool is None:
        return _without_tool(services, call, runtime.cancel_tokens.issue(work, background=True))
    log_fields = LogContext(call.trace_context.get("request", ""), short_session_id(session_id), run_id)
    with log_context(log_fields), _span(call), runtime.cancel_tokens.issue(work, background=True) as token:
        context = tool_context(services, session_id, session_user_state(session), call.client, token, call.steps)
        runner = StepRunner(tool, call, context, services.settings.tool_result_bytes)
        try:
            _deliver(services, call, runner, token)
        except Stopped as stopped:
            return None if stopped.reason == DROPPED else REQUEUE
        token.cancel(FINISHED)  # wakes a tool that still sleeps, so that its thread ends
    calls.finish(call)
    return None


def _without_tool(services: Services, call: StepToolCall, issued: AbstractContextManager[CancelToken]) -> Retry | None:
    """Hand the call over to a worker that has its tool. If there is none, an error is its last step."""
    if can_hand_over():
        with issued as token:
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


def _deliver(services: Services, call: StepToolCall, runner: StepRunner, token: CancelToken) -> None:
    """Deliver each step, until the last one or until its turn or session is gone."""
    calls, step = services.step_calls, call.steps
    for result, done in runner.steps(token):
        step += 1
        if step == 1:
            run = services.runs.get(call.session_id, call.run_id)
            if run is None or run.status != "running":
                return
            calls.set_first_step(call, result)
            if done:
                return
        elif not calls.deliver(call, step, result, done, sleep=token.sleep):
            return
