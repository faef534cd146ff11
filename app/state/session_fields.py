"""The fields of a session's hash: those of a new session, and what they say."""

from __future__ import annotations

from typing import Any

from app import exact_json
from app.events.types import Status

Fields = dict[str, str]
"""A hash as text."""


def new_session_fields(session_id: str, created_at: str) -> Fields:
    """The fields of a session without a message."""
    return {
        "id": session_id,
        "title": "",
        "created_at": created_at,
        "updated_at": created_at,
        "is_archived": "0",
    }


def session_status(session: Fields) -> Status:
    """`processing` while a turn is current; `interrupted` if the last one was; else `idle`."""
    if session.get("run"):
        return "processing"
    return "interrupted" if session.get("last_outcome") == "interrupted" else "idle"


def thread_status(thread: Fields, *, is_current: bool) -> Status:
    """The same of a thread; `is_current` says whether the current turn is in it."""
    if is_current:
        return "processing"
    return "interrupted" if thread.get("last_outcome") == "interrupted" else "idle"


def has_news(fields: Fields, seen_with_it: int = 0) -> bool:
    """Whether a session or thread has something that no person has seen. `seen_with_it` is the last event that was
    seen of the whole session."""
    return int(fields.get("news") or 0) > max(seen_event(fields), seen_with_it)


def seen_event(fields: Fields) -> int:
    """The last event of the update stream that a person has seen of a session or thread, 0 if there is none."""
    return int(fields.get("seen") or 0)


def session_user_state(session: Fields) -> dict[str, Any]:
    """The part of the user state that the client sent. (`open_requests.pending` is the server's part.)"""
    return exact_json.loads(session.get("user_state") or "{}")
