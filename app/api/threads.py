"""Threads of a session: each has a history of its own."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.errors import NotFound
from app.openapi import schemas
from app.openapi.declare import SESSION_PATH, THREAD_PATH, body, documented
from app.web import parsing
from app.web.current import services
from app.web.serializers import thread_json

bp = Blueprint("threads", __name__, url_prefix="/api/sessions/<session_id>/threads")


@bp.post("")
@documented(schemas.Thread, SESSION_PATH, body(schemas.NewThread, required=False))
def open_thread(session_id: str) -> ResponseReturnValue:
    """Open another thread; messages without a thread_id go to it."""
    session_id = parsing.checked_session_id(session_id)
    parsing.session_or_404(session_id)
    title = parsing.optional_text_of(parsing.optional_body(), "title", parsing.TITLE_CHARACTERS)
    return jsonify(thread_json(services().sessions.open_thread(session_id, title)))


@bp.patch("/<thread_id>")
@documented(schemas.Thread, SESSION_PATH, THREAD_PATH, body(schemas.Titled))
def rename(session_id: str, thread_id: str) -> ResponseReturnValue:
    """Give the thread a title of a person's choosing."""
    session_id = _with_thread(session_id, thread_id)
    title = parsing.text_of(parsing.body(), "title", parsing.TITLE_CHARACTERS)
    services().sessions.rename_thread(session_id, thread_id, title)
    thread = services().sessions.thread(session_id, thread_id)
    return jsonify(thread_json(thread))


@bp.delete("/<thread_id>")
@documented(schemas.DeletedThread, SESSION_PATH, THREAD_PATH)
def delete(session_id: str, thread_id: str) -> ResponseReturnValue:
    """End the thread's turns and remove it with its messages."""
    session_id = _with_thread(session_id, thread_id)
    services().turns.interrupt_thread(session_id, thread_id)
    services().sessions.delete_thread(session_id, thread_id)
    services().jobs.forget_title(thread_id)
    return jsonify(id=thread_id, deleted=True)


def _with_thread(session_id: str, thread_id: str) -> str:
    session_id = parsing.checked_session_id(session_id)
    parsing.session_or_404(session_id)
    if not services().sessions.has_thread(session_id, thread_id):
        raise NotFound(parsing.NO_THREAD)
    return session_id
