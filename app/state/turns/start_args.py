"""The arguments of the scripts that accept a message, or answers to calls that wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app import exact_json
from app.config import Settings
from app.events import sse
from app.state.conversation import transcript
from app.state.conversation.siblings import MAX_SIBLINGS
from app.state.conversation.titles import first_words
from app.state.ids import new_id, sha256_hex
from app.state.pairs import to_pairs
from app.state.session_fields import new_session_fields
from app.state.turns.sent_before import MAX_SEARCHED
from app.state.turns.turn_queue import TurnQueue
from app.state.turns.turn_requests import CallAnswers, TurnRequest


def start_args(
    settings: Settings,
    now: str,
    place: tuple[str, str],
    request: TurnRequest,
    slots: Sequence[str],
    queue: TurnQueue | None,
) -> dict[str, Any]:
    """The arguments of the script `start`, or of `answer_calls`. `place` is the session and the new run; `slots` are
    the Redis keys of its concurrency slots; its job joins the `queue`, if one is given."""
    session_id, run_id = place
    title = first_words(request.text)
    role = "system" if request.answers else "user"
    args = {
        "run": run_id,
        "message": exact_json.dumps(_message(role, request, run_id, now)),
        "app": request.app,
        "model": request.model,
        "thread": request.thread_id,
        "new_thread": new_id("thread"),
        "session": to_pairs(new_session_fields(session_id, now)),
        "title": title,
        "user_state": "" if request.user_state is None else exact_json.dumps(request.user_state),
        "client": request.principal.client,
        "binds": request.binds_client,
        "address": request.principal.address,
        "key": request.principal.api_key_id,
        "budget": request.principal.budget,
        "user": request.principal.user,
        "user_budget": request.principal.user_budget,
        "origin": exact_json.dumps(request.trace_context),
        "answers": [str(number) for number in request.answers],
        "on_busy": request.on_busy,
        "branch": request.branch.kind if request.branch else "",
        "target": _as_text(request.branch.target) if request.branch else "",
        "client_id": _as_text(request.message_id),
        "max_siblings": MAX_SIBLINGS,
        "max_searched": MAX_SEARCHED,
        "response_format": exact_json.dumps(request.response_format) if request.response_format else "",
        "client_tools": exact_json.dumps(request.client_tools) if request.client_tools else "",
        "max_waiting": settings.max_waiting,
        "body": sha256_hex(request.body),
        "now": now,
        "ttl": settings.session_ttl,
        "sent_ttl": settings.idempotency_ttl,
        "max_updates": settings.updates_kept,
        "title_frame": sse.frame(sse.title_changed(session_id, title)).decode(),
        "state_frame": sse.frame(sse.state(session_id, "processing", run_id=run_id)).decode(),
        "closed_frame": _closed_frame(session_id, request.answers),
        "slots": " ".join(slots),
        "expects": request.expects._asdict() if request.expects else "",
        "queue": queue.args(session_id, run_id) if queue else "",
    }
    return args | (_answer_args(run_id, request.call_answers) if request.call_answers else {})


def _closed_frame(session_id: str, answers: Sequence[int]) -> str:
    return sse.frame(sse.client_request_closed(session_id, answers, "answered")).decode() if answers else ""


def _answer_args(run_id: str, answers: CallAnswers) -> dict[str, Any]:
    calls = [
        {"call_id": one.call_id, "answer": one.stored(run_id), "frame": answers.updates[one.call_id]}
        for one in answers.answers
    ]
    return {"thread": answers.thread_id, "asked_by": answers.run_id, "calls": calls}


def _message(role: str, request: TurnRequest, run_id: str, now: str) -> transcript.Message:
    """The id of the client follows ours: lua/branches.lua finds both without decoding the rest."""
    attached: dict[str, Any] = {"attachments": request.attachments} if request.attachments else {}
    attached |= {} if request.note is None else {"note": {**request.note, "run": run_id}}
    attached |= {"keeps_facts": True} if request.keeps_facts else {}
    ids = {"id": new_id("msg")} | ({"client_id": request.message_id} if request.message_id else {})
    return ids | transcript.message(ids["id"], role, request.text, now) | attached


def _as_text(message_id: str) -> str:
    """An id as it is in the JSON of its message."""
    return exact_json.dumps(message_id) if message_id else ""
