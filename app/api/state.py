"""The state of a session, and interrupting its turn."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app.errors import NotFound
from app.openapi.declare import KNOWN_SESSION, MESSAGES_LIMIT, REASONING, USAGE, documented, query
from app.openapi.schemas import responses
from app.state.conversation import transcript
from app.state.conversation.histories import Snapshot, WaitingTurn
from app.state.conversation.message_pages import WantedMessages
from app.state.open_calls.pending import pending_calls
from app.state.tools.open_requests import open_requests
from app.web import parsing
from app.web.current import services
from app.web.pages import messages_limit
from app.web.serializers import shows_reasoning, status_json, with_additions
from app.web.turn_facts import wants_usage

bp = Blueprint("state", __name__)


@bp.get("/api/state")
@documented(
    responses.State,
    KNOWN_SESSION,
    query("thread_id", "A thread other than the newest."),
    MESSAGES_LIMIT,
    REASONING,
    USAGE,
)
def show() -> ResponseReturnValue:
    """A snapshot: the messages, including a running turn's text so far, and the update to follow from."""
    session_id = parsing.session_id()
    limit = messages_limit()
    snapshot = services().sessions.histories.snapshot(session_id, request.args.get("thread_id"), whole=limit is None)
    if snapshot is None:
        raise NotFound(parsing.NO_SESSION)
    if snapshot.thread_id is None:
        raise NotFound(parsing.NO_THREAD)
    session = snapshot.session
    return jsonify(
        session_id=session_id,
        thread_id=snapshot.thread_id or None,
        thread_is_processing=snapshot.running,
        **_messages(session_id, snapshot, limit),
        waiting=_waiting(snapshot),
        pending=pending_calls(snapshot.messages, snapshot.open_calls),
        client_requests=[request.for_client() for request in open_requests(session)],
        last_event_id=session.get("updates", "0"),
        **status_json(services().catalog, session),
    )


def _messages(session_id: str, snapshot: Snapshot, limit: int | None) -> dict[str, Any]:
    """All messages, or the newest ones and whether there are others."""
    asked = {
        "with_reasoning": shows_reasoning(services().catalog, snapshot.session),
        "with_facts": wants_usage(),
    }
    if limit is None:
        return {"messages": with_additions(snapshot, transcript.for_clients(snapshot.placed(), **asked))}
    wanted = WantedMessages(limit, with_reasoning=asked["with_reasoning"], with_facts=asked["with_facts"])
    page = services().sessions.histories.message_page(session_id, snapshot, wanted)
    assert page is not None
    return {"messages": with_additions(snapshot, page.messages), "has_more": page.has_more}


def _waiting(snapshot: Snapshot) -> list[dict[str, str]]:
    """The people's messages that can be withdrawn."""
    turns = [turn for turn in snapshot.waiting if turn.regenerates or turn.message["role"] == "user"]
    return [_waiting_message(turn) for turn in turns if not turn.goes_on]


def _waiting_message(turn: WaitingTurn) -> dict[str, str]:
    waiting = {"run_id": turn.run_id, "text": turn.message["content"]}
    return waiting | ({"regenerate": transcript.client_id(turn.message)} if turn.regenerates else {})


@bp.post("/api/interrupt")
@documented(responses.Interrupted, KNOWN_SESSION)
def interrupt() -> ResponseReturnValue:
    """Stop the current turn."""
    session_id = parsing.session_id()
    stopped = services().turns.interrupt(session_id)
    if not stopped:
        parsing.session_or_404(session_id)
    return jsonify(interrupted=stopped)
