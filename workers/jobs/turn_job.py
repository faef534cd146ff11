"""The job of a turn: claim it, run it, write its terminal event."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import cache, partial

from rq import Retry, get_current_job

from app.catalog import App
from app.events import sse
from app.services import Services
from app.state.open_calls.records import Asked
from app.state.turns.control_messages import turn_work
from app.state.turns.run_records import Known, NotKnown, Run
from app.telemetry import content, tracing
from app.telemetry.log_context import LogContext, log_context
from app.telemetry.logs import short_session_id
from app.turns.current_key import KEY_REFUSED, current_principal
from app.turns.rq_queue import claimed_turn
from workers import turn
from workers.ahead import ahead
from workers.cancellation import ENDED_ELSEWHERE, SHUTDOWN, CancelToken, Stopped
from workers.jobs.answered_calls import answered_calls, names_that_run
from workers.jobs.asking_toolbox import AskingToolbox
from workers.jobs.compaction_trigger import CompactionTrigger
from workers.jobs.handing_over import can_hand_over, hand_over
from workers.jobs.mcp_tools import McpOffer, mcp_offer
from workers.jobs.tool_context import tool_context
from workers.jobs.turn_files import TurnFiles
from workers.jobs.turn_model import TurnModel
from workers.jobs.turn_tools import TurnTools
from workers.models.prompt import MAX_BYTES_PER_TOKEN, Conversation
from workers.runtime import Runtime, current, kept
from workers.secrets import Secrets
from workers.toolbox import Toolbox, ToolLimits
from workers.tools import ToolContext
from workers.tools.runnable import RunnableTool
from workers.usage_recorder import UsageRecorder

log = logging.getLogger("workers.jobs")

LATE_SECONDS = 0.25
"""After which a worker looks whether a turn that it was given is still its own: much less than a lease."""

SHUT_DOWN = sse.error("The server restarted before the answer was complete; send the message again", "shutdown", True)


def run_turn(session_id: str, run_id: str) -> Retry | None:
    """Run a queued turn to its end. Does nothing when the turn has ended or another worker has claimed it. Returns
    `REQUEUE` when this worker does not know the turn's app or model."""
    with current().cancel_tokens.issue(turn_work(run_id)) as token:  # before `claim`, to miss no stop
        try:
            runtime, run = _claim(session_id, run_id)
        except NotKnown:
            return hand_over(f"turn {run_id}", token)
        if run is None:
            return None
        if run.superseded:  # the process that accepted the newer message died before it ended this turn
            runtime.services.turns.interrupt(session_id, run_id)
            return None
        context = LogContext(run.trace_context.get("request", ""), short_session_id(session_id), run_id)
        with runtime.running_turns.track(run), log_context(context):
            _run_claimed(runtime, run, token)
    return None


def _claim(session_id: str, run_id: str) -> tuple[Runtime, Run | None]:
    """The turn, if it is this worker's, and the newest runtime that knows its app and its model: it was accepted by
    what aomi.yaml said then. Raises `NotKnown`."""
    if claimed := claimed_turn(get_current_job()):
        run = Run.read_claimed(session_id, claimed)
        runtime = next((one for one in kept() if one.knows(run)), current())
        return runtime, run if _is_in_time(runtime.services, run) else None
    for runtime in kept():
        with suppress(NotKnown):
            return runtime, _claim_by(runtime, session_id, run_id, runtime.known)
    if can_hand_over():
        raise NotKnown
    return current(), _claim_by(current(), session_id, run_id)


def _is_in_time(services: Services, run: Run) -> bool:
    """Whether the turn is still ours: another worker may have it if this one hung after Redis had given it the turn."""
    waited = (services.clock.now() - datetime.fromisoformat(run.started_at)).total_seconds()
    return waited < LATE_SECONDS or services.runs.taking.is_still_claimed(run)


def _claim_by(runtime: Runtime, session_id: str, run_id: str, known: Known | None = None) -> Run | None:
    """Claim the turn, and remove its job: with the claim in one step, or beside what follows."""
    services = runtime.services
    queue = services.jobs.beside_state()
    run = services.runs.claim(session_id, run_id, runtime.worker_name, known, queue)
    if queue is None:
        ahead(partial(services.jobs.remove_claimed, session_id, run_id))
    return run


def _run_claimed(runtime: Runtime, run: Run, token: CancelToken) -> None:
    services, started = runtime.services, time.monotonic()
    services.metrics.began(run)
    session = short_session_id(run.session_id)
    attributes = {"aomi.app": run.app, "aomi.model": run.model, "aomi.run": run.id, "aomi.session": session}
    tracing.past("queued", attributes, run.trace_context, (run.times.get("current_at", run.started_at), run.started_at))
    with tracing.span("turn", attributes, "CONSUMER", parent=run.trace_context) as span:
        tracing.add_content(lambda: content.conversation_id(run.session_id))
        compaction = CompactionTrigger(runtime, run)
        terminal, asks = _terminal_event(runtime, run, token, compaction)
        _end(runtime, run, terminal, asks)
        if not asks:
            compaction.fire()
        outcome = terminal["type"] if terminal else "stopped"
        span.set({"aomi.end": outcome})
        if terminal and outcome == "error":
            span.fail(terminal["code"])
        log.info("turn %s of session %s: %s after %.1f s", run.id, session, outcome, time.monotonic() - started)


def _terminal_event(
    runtime: Runtime, run: Run, token: CancelToken, compaction: CompactionTrigger
) -> tuple[sse.Event | None, Sequence[Asked]]:
    """Run the turn. Returns its terminal event, None when the turn was ended elsewhere, and the calls that wait for a
    person."""
    try:
        end = _converse(runtime, run, token, compaction)
        finish_reason = None if end.stop == "stop" else end.stop
        return sse.complete(finish_reason=finish_reason, awaiting=[call.call_id for call in end.asks]), end.asks
    except Stopped as stopped:
        return SHUT_DOWN if stopped.reason == SHUTDOWN else None, ()
    except turn.TurnFailed as failed:
        log.info("turn %s of session %s failed: %s", run.id, short_session_id(run.session_id), failed.code)
        return sse.error(failed.message, failed.code, failed.retryable), ()
    except Exception:
        log.exception("turn %s of session %s broke", run.id, short_session_id(run.session_id))
        return sse.error("Something went wrong on the server; try again", "internal", True), ()


def _end(runtime: Runtime, run: Run, terminal: sse.Event | None, asks: Sequence[Asked]) -> None:
    services = runtime.services
    runtime.outbox.flush(run.id)
    if terminal:
        services.turns.end_claimed(run, terminal, asks)
    else:
        services.metrics.let_go(services.runs.get(run.session_id, run.id))


def _converse(runtime: Runtime, run: Run, token: CancelToken, compaction: CompactionTrigger) -> turn.End:
    """Run the turn's loop over the thread's messages."""
    services = runtime.services
    app = services.catalog.app(run.app)
    if app is None:
        raise turn.TurnFailed(f"The app {run.app!r} is not configured on the server's workers; choose another one")
    client = run.principal.client
    key = ahead(partial(_with_current_key, services, run)) if run.principal.api_key_id else lambda: run
    own_keys = ahead(partial(services.vault.provider_keys, client)) if client else dict

    def emit(event: sse.Event) -> None:
        if not token.cancelled:
            runtime.outbox.put(run.session_id, run.id, event, run.claim)

    def think(piece: str) -> None:
        if app.reasoning == "shown":
            emit(sse.thought(piece))

    state = run.user_state
    context = tool_context(services, run.session_id, state, client, token)
    run = key()
    _log_message(services, run, context.secrets)
    offer = mcp_offer(runtime, app, client, context, names_that_run(run))
    toolbox = _toolbox(runtime, run, context, offer)
    stop = partial(token.cancel, ENDED_ELSEWHERE)
    usage = UsageRecorder(services.ledger, runtime.usage_settler, run, claim=run.claim, stop=stop)
    instructions = _instructions(app, context.secrets, offer.notices)
    system = Conversation(instructions, state, summary=run.summary if app.compact else None)
    files = TurnFiles(services.files, run)
    hooks = (think, compaction.observe, context.secrets.conceal_text, own_keys)
    model = TurnModel(services, runtime.models, usage, run, system, toolbox.schemas, files, *hooks)
    messages = services.sessions.histories.history(run, model.room * MAX_BYTES_PER_TOKEN)
    if not messages:
        raise turn.ThreadGone("The thread of this message was deleted")
    if run.branch and run.former is None:
        raise turn.MessageGone("The message to edit or to answer again is gone; load the conversation again")
    messages, asks = answered_calls(run, messages, context.secrets, toolbox, emit, token)
    if asks:
        return turn.End("stop", asks)
    if not (app.title_model and len(messages) == 1 and not run.branch):
        return turn.run(messages, model, toolbox, emit, token, services.settings.max_model_calls)
    ask_title = cache(partial(services.jobs.title, run.session_id, run.id, run.thread_id, app.title_model))
    try:
        model = replace(model, while_waiting=ask_title)  # no first token waits for it
        return turn.run(messages, model, toolbox, emit, token, services.settings.max_model_calls)
    finally:
        ask_title()  # also where no model could be asked; a second time does nothing


def _log_message(services: Services, run: Run, secrets: Secrets) -> None:
    if services.settings.log_content:
        log.info("the user said: %s", secrets.conceal_text(run.message["content"]))


def _with_current_key(services: Services, run: Run) -> Run:
    """The turn with the present state of its API key: it may have waited for long. Raises `KeyRefused`."""
    principal = current_principal(services.api_keys, run.principal, run.app)
    if principal is None:
        raise turn.KeyRefused(KEY_REFUSED)
    return replace(run, principal=principal)


def _instructions(app: App, secrets: Secrets, notices: Sequence[str]) -> str:
    """The system prompt: the app's preamble, how to use the client's secrets if it has any, and which tools are not
    there."""
    return "\n\n".join(filter(None, (app.preamble, secrets.instructions, *notices)))


def _toolbox(runtime: Runtime, run: Run, context: ToolContext, offer: McpOffer) -> AskingToolbox:
    services, app = runtime.services, runtime.services.catalog.app(run.app)
    tools: dict[str, RunnableTool] = {**runtime.tools_of(app), **offer.tools}
    limits = ToolLimits(services.settings.tool_timeout, services.settings.tool_result_bytes)
    outside = TurnTools(services, runtime.control, run)
    context = replace(context, report=outside.report)
    toolbox = Toolbox(tools, context, outside.begin_steps, limits, outside.ask_client, outside.check_running)
    return AskingToolbox(toolbox, tools, context, app.approve if app else (), run.client_tools)
