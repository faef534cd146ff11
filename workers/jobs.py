"""The jobs on the queue: a turn, a multi-step tool, a title. Each is called by RQ, by name."""

from __future__ import annotations

import logging
import time
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from rq import Retry

from app.catalog import App
from app.events import sse
from app.services import Services
from app.state.client_requests import TooManyOpen, TurnOver
from app.state.runs import Run, first_words
from app.state.sessions import user_state
from app.state.step_calls import StepToolCall
from app.telemetry import tracing
from app.telemetry.log_context import LogContext, log_context
from app.telemetry.logs import short_session_id
from workers import runtime, turn
from workers.cancellation import DROPPED, INTERRUPTED, SHUTDOWN, CancelToken, Stopped
from workers.models import prompt as history
from workers.models import retry, traced
from workers.models.llm import CallObserver
from workers.runtime import Runtime
from workers.secrets import Secrets
from workers.steps import StepRunner
from workers.toolbox import Limits, Toolbox
from workers.tools import ClientRequest, Tool, ToolContext, ToolError
from workers.usage_recorder import UsageRecorder

log = logging.getLogger(__name__)

AGAIN = Retry(max=1_000_000)
"""The job goes back to the queue, for another worker."""


def run_turn(session_id: str, run_id: str) -> Retry | None:
    """Run a queued turn to its end, whatever happens."""
    parts = runtime.current()
    with parts.tokens.issue(run_id, session_id) as token:
        run = parts.services.runs.claim(session_id, run_id, parts.name)
        if run:
            token.slots = run.slots
            with log_context(LogContext(run.origin.get("request", ""), short_session_id(session_id), run_id)):
                _run(parts, run, token)
    return None


def _run(parts: Runtime, run: Run, token: CancelToken) -> None:
    """Run a turn that was claimed."""
    services, began = parts.services, time.monotonic()
    services.metrics.began(run)
    session = short_session_id(run.session_id)
    attributes = {"aomi.app": run.app, "aomi.model": run.model, "aomi.run": run.id, "aomi.session": session}
    tracing.past("queued", attributes, run.origin, (run.times.get("current_at", run.started_at), run.started_at))
    with tracing.span("turn", attributes, "CONSUMER", parent=run.origin) as span:
        if services.settings.log_content:
            log.info("the user said: %s", run.message["content"])
        terminal = _terminal(parts, run, token)
        parts.outbox.flush(run.id)
        if terminal:
            services.turns.end(run.session_id, run.id, terminal, expect="running")
        else:
            services.metrics.let_go(services.runs.get(run.session_id, run.id))
        end = terminal["type"] if terminal else "stopped"
        span.set({"aomi.end": end})
        if terminal and end == "error":
            span.fail(terminal["code"])
        log.info("turn %s of session %s: %s after %.1f s", run.id, session, end, time.monotonic() - began)


def _terminal(parts: Runtime, run: Run, token: CancelToken) -> sse.Event | None:
    """Run the turn; its terminal event, or None when somebody else has ended it."""
    try:
        _converse(parts, run, token)
        return sse.complete()
    except Stopped as stopped:
        if stopped.reason != SHUTDOWN:
            return None
        return sse.error(
            "The server restarted before the answer was complete; send the message again", "shutdown", True
        )
    except turn.TurnFailed as failed:
        log.info("turn %s of session %s failed: %s", run.id, short_session_id(run.session_id), failed.code)
        return sse.error(failed.message, failed.code, failed.retryable)
    except Exception:
        log.exception("turn %s of session %s broke", run.id, short_session_id(run.session_id))
        return sse.error("Something went wrong on the server; try again", "internal", True)


def _converse(parts: Runtime, run: Run, token: CancelToken) -> None:
    services, models = parts.services, parts.models
    app = services.catalog.app(run.app)
    session = services.sessions.get(run.session_id) or {}
    context = _context(services, run.session_id, user_state(session), run.client, token=token)
    toolbox = _toolbox(parts, run, context)
    room = models.room(run.model, toolbox.schemas)
    messages = services.sessions.messages(run.session_id, run.thread_id, room * history.BYTES_A_TOKEN)
    if app and app.title_model and len(messages) == 1:
        services.jobs.title(run.session_id, run.id, run.thread_id, app.title_model, run.message["content"])

    settings = services.settings
    bill = UsageRecorder(services.ledger, parts.meter, run)
    choices = tuple(dict.fromkeys((run.model, *(app.fallbacks if app else ()))))

    def model(prompt: turn.Prompt, on_text: Any, token: CancelToken) -> turn.Reply:
        def call(name: str) -> turn.Reply:
            own_keys = services.vault.provider_keys(run.client)  # anew each time: the client may have cleared them
            if not models.takes_own_key(name, own_keys):
                bill.check()
            hear = CallObserver(on_text, silence, bill.open)
            return traced.ask(
                services, name, lambda: models.stream(name, prompt, toolbox.schemas, hear, token, own_keys)
            )

        return retry.ask(choices, call, token, settings.provider_retries, settings.retry_pause)

    def silence(seconds: float) -> None:
        words = f"The model has been silent for {seconds:g} seconds; wait, as the answer may still come, or stop it"
        services.sessions.change(run.session_id, {}, [sse.system_notice(run.session_id, words)])

    def emit(event: sse.Event) -> None:
        if not token.cancelled:
            parts.outbox.put(run.session_id, run.id, event)

    prompt = history.assemble(
        _preamble(app, context.secrets),
        user_state(session),
        messages,
        room,
        lambda some: models.count(run.model, some),
    )
    turn.run(prompt, model, toolbox, emit, token, settings.model_calls)


def _preamble(app: App | None, secrets: Secrets) -> str:
    """The app's, and how to use the client's secrets where there are any."""
    parts = [app.preamble] if app and app.preamble else []
    if secrets:
        about = "The user has secrets, which you cannot see. In a tool's argument, a handle stands for one: "
        parts.append(about + ", ".join(secrets.handles))
    return "\n\n".join(parts)


def _toolbox(parts: Runtime, run: Run, context: ToolContext) -> Toolbox:
    settings = parts.services.settings
    tools = parts.tools_of(parts.services.catalog.app(run.app))

    def begin_steps(request: turn.ToolRequest, tool: Tool, token: CancelToken) -> Any:
        call = StepToolCall(
            session_id=run.session_id,
            run_id=run.id,
            call_id=request.call_id,
            thread_id=run.thread_id,
            app=run.app,
            name=tool.name,
            args=request.args() or {},
            client=run.client,
            origin={"request": run.origin.get("request", ""), **tracing.carrier()},
        )
        return _first_step(parts, call, token)

    def ask_client(request: turn.ToolRequest, wanted: ClientRequest) -> Any:
        return _asked(parts.services, run, request, wanted)

    limits = Limits(settings.tool_timeout, settings.tool_result_bytes)
    return Toolbox(tools, context, begin_steps, limits, ask_client)


def _asked(services: Services, run: Run, request: turn.ToolRequest, wanted: ClientRequest) -> dict[str, Any]:
    """Ask the client; the model is told at once that it was asked, and of the answer in a turn of its own."""
    try:
        asked = services.client_requests.ask(run, request.call_id, request.name, wanted.kind, wanted.body)
    except TooManyOpen:
        raise ToolError("The user has not answered the requests they have; wait for their answers") from None
    except TurnOver:
        raise Stopped(INTERRUPTED) from None
    return {"status": "requested", "id": asked.id}


def _context(services: Services, session_id: str, state: dict[str, Any], client: str, **more: Any) -> ToolContext:
    kept = partial(services.vault.secrets, client)
    url, secrets = str(services.settings.price_api_url), Secrets(kept(), kept)
    return ToolContext(session_id=session_id, user_state=state, price_api_url=url, secrets=secrets, **more)


def _first_step(parts: Runtime, call: StepToolCall, token: CancelToken) -> Any:
    """Start the call's own job and wait for its first step."""
    calls = parts.services.calls
    if not calls.record(call):
        raise Stopped(INTERRUPTED)
    parts.services.jobs.steps(call.session_id, call.run_id, call.call_id)
    timeout = parts.services.settings.tool_timeout
    answer = parts.control.wait(f"{call.run_id} {call.call_id}", lambda: calls.answered(call), timeout, token)
    return {"error": f"The tool did not begin within {timeout:g} seconds"} if answer is None else answer[0]


def run_steps(session_id: str, run_id: str, call_id: str) -> Retry | None:
    """Run a multi-step tool from its first undelivered step to its end."""
    parts = runtime.current()
    calls = parts.services.calls
    call = calls.get(session_id, run_id, call_id)
    session = parts.services.sessions.get(session_id)
    if call is None or session is None:
        return None
    tool = parts.tools_of(parts.services.catalog.app(call.app)).get(call.name)
    if tool is None:
        calls.deliver(call, call.steps + 1, {"error": f"The tool {call.name!r} is no longer configured"}, done=True)
        return None
    work = LogContext(call.origin.get("request", ""), short_session_id(session_id), run_id)
    with log_context(work), _tracing(call), parts.tokens.issue(f"steps {run_id} {call_id}") as token:
        context = _context(parts.services, session_id, user_state(session), call.client, step=call.steps, token=token)
        stepper = StepRunner(tool, call, context, parts.services.settings.tool_result_bytes)
        try:
            _deliver(parts, call, stepper, token)
        except Stopped as stopped:
            return None if stopped.reason == DROPPED else AGAIN
        token.cancel("over")  # a tool that still sleeps need not wake up again
    calls.drop(call)
    return None


def _tracing(call: StepToolCall) -> AbstractContextManager[tracing.Span]:
    """The span of a tool that goes on by itself, in a trace of its own that is linked to its call's."""
    attributes: dict[str, tracing.Value] = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": call.name,
        "gen_ai.tool.call.id": call.call_id,
        "aomi.run": call.run_id,
        "aomi.step": call.steps,
    }
    return tracing.span(f"steps of {call.name}", attributes, "CONSUMER", link=call.origin)


def _deliver(parts: Runtime, call: StepToolCall, stepper: StepRunner, token: CancelToken) -> None:
    """Bring each step where it belongs, until the last one or until nobody is there for it."""
    calls, step = parts.services.calls, call.steps
    for result, done in stepper.steps(token):
        step += 1
        if step == 1:
            run = parts.services.runs.get(call.session_id, call.run_id)
            if run is None or run.status != "running":
                return
            calls.answer(call, result)
            if done:
                return
        elif not calls.deliver(call, step, result, done, sleep=token.sleep):
            return


def suggest_title(session_id: str, run_id: str, model: str, text: str) -> None:
    """Ask a model for the title of a turn's thread by its first message."""
    parts = runtime.current()
    run = parts.services.runs.get(session_id, run_id)
    if run is None:
        return
    bill = UsageRecorder(parts.services.ledger, parts.meter, run, iter(["title"]))
    instruction = "Write a title of at most six words for a conversation that begins so. Answer with the title alone."
    prompt = [{"role": "system", "content": instruction}, {"role": "user", "content": text[:2000]}]
    with log_context(LogContext(session=short_session_id(session_id))), parts.tokens.issue(f"title {run_id}") as token:
        try:
            bill.check()
            hear = CallObserver(asked=bill.open)
            reply = traced.ask(parts.services, model, lambda: parts.models.stream(model, prompt, [], hear, token))
        except (turn.TurnFailed, Stopped) as error:
            log.info("no title from model %r: %s; the first words stay", model, error)
            return
    title = first_words(reply.text.strip().strip("\"'“”").strip())
    if title:
        parts.services.sessions.suggest_title(session_id, run.thread_id, title)
