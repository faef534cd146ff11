"""Threads of a session: each has its own history."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.errors import Conflict, NotFound
from app.openapi.declare import (
    PAGE_OF_MESSAGES,
    REASONING,
    SESSION_PATH,
    THREAD_PATH,
    USAGE,
    RouteSpec,
    body,
    documented,
)
from app.openapi.schemas import requests, responses
from app.state.conversation.branches import NoMessage, UnfinishedMessage
from app.state.sessions import TooManyThreads
from app.turns.erasing import erase_thread
from app.web import parsing
from app.web.bodies import json_body, optional_json_body, validated
from app.web.current import services
from app.web.pages import wanted_messages
from app.web.serializers import shows_reasoning, thread_json, with_additions
from app.web.turn_facts import wants_usage

bp = Blueprint("threads", __name__, url_prefix="/api/sessions/<session_id>/threads")


@bp.post("")
@documented(responses.Thread, SESSION_PATH, RouteSpec(refusals=(409,)), body(requests.NewThread, required=False))
def open_thread(session_id: str) -> ResponseReturnValue:
    """Create a thread, empty or with a copy of a branch of another one. Messages without a thread_id go to it from now
    on."""
    session_id = parsing.checked_session_id(session_id)
    parsing.session_or_404(session_id)
    sent = validated(requests.NewThread, optional_json_body())
    title, message_id = sent.get("title") or "", sent.get("from")
    try:
        if message_id:
            thread = services().branches.fork(session_id, sent.get("thread_id") or "", message_id, title)
        else:
            thread = services().sessions.open_thread(session_id, title)
    except NoMessage:
        raise NotFound(parsing.NO_MESSAGE) from None
    except UnfinishedMessage:
        raise Conflict("This message waits or is being made; copy it when its turn has ended") from None
    except TooManyThreads as full:
        raise Conflict(f"The session has {full.most:,} threads, the most that it may have; delete some first") from None
    if thread is None:
        raise NotFound(parsing.NO_SESSION)
    return jsonify(thread_json(thread))


@bp.patch("/<thread_id>")
@documented(responses.Thread, SESSION_PATH, THREAD_PATH, body(requests.Changes))
def change(session_id: str, thread_id: str) -> ResponseReturnValue:
    """Set the thread's title, or the last event that a person has seen of it."""
    session_id = _with_thread(session_id, thread_id)
    changes = requests.changes_of(json_body())
    if title := changes.get("title"):
        services().sessions.rename_thread(session_id, thread_id, title)
    if seen := changes.get("seen"):
        services().sessions.mark_seen(session_id, int(seen), thread_id)
    session = parsing.session_or_404(session_id)
    current = services().runs.thread_of(session_id, session.get("run", ""))
    return jsonify(thread_json(services().sessions.thread(session_id, thread_id), session, current))


@bp.get("/<thread_id>/messages")
@documented(responses.MessagePage, SESSION_PATH, THREAD_PATH, PAGE_OF_MESSAGES, REASONING, USAGE)
def messages(session_id: str, thread_id: str) -> ResponseReturnValue:
    """A page of the thread's messages, the newest last. Without `before`, the newest ones, as `/api/state` has them."""
    session_id = parsing.checked_session_id(session_id)
    snapshot = services().sessions.histories.snapshot(session_id, thread_id, whole=False)
    if snapshot is None:
        raise NotFound(parsing.NO_SESSION)
    if snapshot.thread_id is None:
        raise NotFound(parsing.NO_THREAD)
    with_reasoning = shows_reasoning(services().catalog, snapshot.session)
    wanted = wanted_messages(with_reasoning=with_reasoning, with_facts=wants_usage())
    page = services().sessions.histories.message_page(session_id, snapshot, wanted)
    if page is None:
        raise NotFound(parsing.NO_BEFORE)
    return jsonify(messages=with_additions(snapshot, page.messages), has_more=page.has_more)


@bp.delete("/<thread_id>")
@documented(responses.DeletedThread, SESSION_PATH, THREAD_PATH)
def delete(session_id: str, thread_id: str) -> ResponseReturnValue:
    """Stop the thread's turns and delete it with its messages."""
    session_id = _with_thread(session_id, thread_id)
    erase_thread(services().sessions, services().turns, services().jobs, session_id, thread_id)
    return jsonify(id=thread_id, deleted=True)


@bp.post("/<thread_id>/branch")
@documented(
    responses.ActiveBranch,
    SESSION_PATH,
    THREAD_PATH,
    RouteSpec(refusals=(409,)),
    body(requests.ChosenBranch),
)
def choose_branch(session_id: str, thread_id: str) -> ResponseReturnValue:
    """Make the branch of a message active, down to its newest message. /api/state shows that branch from now on."""
    session_id = parsing.checked_session_id(session_id)
    session = parsing.session_or_404(session_id)
    message_id = validated(requests.ChosenBranch, json_body())["message_id"]
    outcome = services().branches.choose(session, thread_id, message_id)
    if outcome == "busy":
        raise Conflict("A turn of this thread runs; choose another branch when it has ended, or interrupt it")
    if outcome != "chosen":
        raise NotFound(parsing.NO_THREAD if outcome == "no_thread" else parsing.NO_MESSAGE)
    return jsonify(thread_id=thread_id, message_id=message_id)


def _with_thread(session_id: str, thread_id: str) -> str:
    session_id = parsing.checked_session_id(session_id)
    parsing.session_or_404(session_id)
    if not services().sessions.has_thread(session_id, thread_id):
        raise NotFound(parsing.NO_THREAD)
    return session_id
