"""Removing a session for good: its turns end, its keys go, and so do its jobs."""

from __future__ import annotations

from app.queue import Jobs
from app.state.sessions import Sessions
from app.turns import Turns


def erase(sessions: Sessions, turns: Turns, jobs: Jobs, session_id: str) -> None:
    """Remove all of a session. Whoever works for it is told, and what comes of that work later is refused."""
    turns.interrupt_all(session_id)
    jobs.forget(sessions.delete(session_id))
