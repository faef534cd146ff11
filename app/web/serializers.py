"""What several resources show of a session, in the API's words."""

from __future__ import annotations

from typing import Any

from app.catalog import Catalog
from app.state.open_requests import pending
from app.state.sessions import Fields, status, user_state


def thread_json(thread: Fields) -> dict[str, Any]:
    """A thread."""
    return {name: thread[name] for name in ("id", "title", "created_at", "updated_at")}


def summary(session: Fields) -> dict[str, Any]:
    """What a list of sessions shows of one."""
    return {"title": session["title"], "is_archived": session["is_archived"] == "1"}


def times(session: Fields) -> dict[str, Any]:
    """When a session was made and last used."""
    return {"created_at": session["created_at"], "updated_at": session["updated_at"]}


def choice(catalog: Catalog, session: Fields) -> dict[str, Any]:
    """The app a session talks to and the model that its next turn uses."""
    app, model = catalog.choice(session.get("app", ""), session.get("model", ""))
    return {"app": app.id, "model": model}


def status_json(catalog: Catalog, session: Fields) -> dict[str, Any]:
    """A session's status with what goes beside it, as /api/state and the `state` event show it."""
    now = status(session)
    return {
        "status": now,
        "is_processing": now == "processing",
        "title": session.get("title", ""),
        **choice(catalog, session),
        "user_state": user_state(session) | pending(session),
    }
