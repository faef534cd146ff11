"""Parts of a session as JSON, for the resources that share them."""

from __future__ import annotations

from typing import Any

from app.catalog import Catalog
from app.state.conversation.histories import Snapshot
from app.state.conversation.transcript import Message
from app.state.session_fields import (
    Fields,
    has_news,
    seen_event,
    session_status,
    session_user_state,
    thread_status,
)
from app.state.tools.open_requests import pending
from app.web import parsing
from app.web.current import services
from app.web.turn_facts import wants_usage, with_usage


def thread_json(thread: Fields, session: Fields | None = None, current_thread: str = "") -> dict[str, Any]:
    """A thread of a session, whose current turn is in `current_thread`."""
    named = {name: thread[name] for name in ("id", "title", "created_at", "updated_at")}
    status = thread_status(thread, is_current=thread["id"] == current_thread)
    return named | {"status": status, "unread": has_news(thread, seen_event(session or {}))}


def summary_json(session: Fields) -> dict[str, Any]:
    """Title and whether the session is archived, as in a list of sessions."""
    return {"title": session["title"], "is_archived": session["is_archived"] == "1"}


def times_json(session: Fields) -> dict[str, Any]:
    """When a session was created and last used."""
    return {"created_at": session["created_at"], "updated_at": session["updated_at"]}


def news_json(session: Fields) -> dict[str, Any]:
    """Whether a session has news, and the event to mark as seen."""
    return {
        "status": session_status(session),
        "unread": has_news(session),
        "last_event_id": session.get("updates") or "0",
    }


def choice_json(catalog: Catalog, session: Fields) -> dict[str, Any]:
    """The session's app, and the model of its next turn."""
    app, model = catalog.choice(session.get("app", ""), session.get("model", ""))
    return {"app": app.id, "model": model}


def status_json(catalog: Catalog, session: Fields) -> dict[str, Any]:
    """A session's status with title, choice and user state, as in /api/state and in the `state` event."""
    current = session_status(session)
    return {
        "status": current,
        "is_processing": current == "processing",
        "title": session.get("title", ""),
        **choice_json(catalog, session),
        "user_state": session_user_state(session) | pending(session),
    }


def shows_reasoning(catalog: Catalog, session: Fields) -> bool:
    """Whether the client asks for what the model thinks, and the session's app does not hide it."""
    app, _ = catalog.choice(session.get("app", ""), "")
    return parsing.wants_reasoning() and app.reasoning == "shown"


def with_additions(snapshot: Snapshot, messages: list[Message]) -> list[Message]:
    """Messages of the snapshot's thread, as clients get them, with the feedback on replies, and what turns used if the
    client asks for it."""
    session_id = snapshot.session["id"]
    shown = with_usage(session_id, messages) if wants_usage() else messages
    if not (snapshot.has_feedback and snapshot.thread_id):
        return shown
    return services().feedback.shown(session_id, snapshot.thread_id, shown)
