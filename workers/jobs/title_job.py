"""The job of a title: ask a model to name a thread by its first message."""

from __future__ import annotations

import logging

from app.state.conversation import transcript
from app.state.conversation.titles import first_words
from app.state.turns.control_messages import title_work
from app.state.turns.run_records import Run
from app.telemetry.log_context import LogContext, log_context
from app.telemetry.logs import short_session_id
from app.turns.current_key import current_principal
from workers.cancellation import CancelToken, Stopped
from workers.models import traced
from workers.models.prompt import Conversation
from workers.models.request import CallObserver, ModelRequest
from workers.runtime import Runtime, with_model
from workers.turn import TurnFailed
from workers.usage_recorder import UsageRecorder

log = logging.getLogger("workers.jobs")

INSTRUCTIONS = "Write a title of at most six words for a conversation that begins so. Answer with the title alone."

MAX_MESSAGE_CHARS = 2000
"""The title model reads this many characters of the message."""


def suggest_title(session_id: str, run_id: str, model: str, _text: str = "") -> None:
    """Ask `model` for a title of the turn's thread, whose first message is the turn's. If the model fails, the thread
    keeps its default title. Does nothing when another job has asked, such as one that was enqueued twice, or when the
    session or the thread was deleted. (A job of an earlier version also has the message itself.)"""
    runtime = with_model(model)  # its turn may have begun before a reload
    run = runtime.services.runs.get(session_id, run_id)
    if run is None or current_principal(runtime.services.api_keys, run.principal, run.app) is None:
        return
    with (
        log_context(LogContext(session=short_session_id(session_id))),
        # before the claim, to miss no message that the session or the thread is deleted
        runtime.cancel_tokens.issue(title_work(run.thread_id), background=True) as token,
    ):
        if claimed := runtime.services.runs.claim_title(session_id, run_id):
            _suggest(runtime, claimed, model, token)


def _suggest(runtime: Runtime, run: Run, model: str, token: CancelToken) -> None:
    services = runtime.services
    usage = UsageRecorder(services.ledger, runtime.usage_settler, run, iter(["title"]))
    request = ModelRequest(model, _conversation(run.message["content"]))
    try:
        usage.check()
        reply = traced.call(
            services, model, lambda: runtime.models.stream(request, CallObserver(on_start=usage.open), token)
        )
    except (TurnFailed, Stopped) as error:
        log.info("title generation with model %r failed (%s); keeping the default title", model, error)
        return
    if title := first_words(reply.text.strip().strip("\"'“”").strip()):
        services.sessions.suggest_title(run.session_id, run.thread_id, title)


def _conversation(text: str) -> Conversation:
    return Conversation(INSTRUCTIONS, messages=[transcript.message("", "user", text[:MAX_MESSAGE_CHARS], "")])
