"""Removing a session for good: its turns end, what they used is counted, its keys go, and so do its jobs."""

from __future__ import annotations

from app.state.sessions import Sessions
from app.turns.queue import Jobs
from app.turns.service import TurnService
from app.turns.usage_recovery import UsageRecovery


def erase(sessions: Sessions, turns: TurnService, usage: UsageRecovery, jobs: Jobs, session_id: str) -> None:
    """Remove all of a session. Whoever works for it is told, and what comes of that work later is refused."""
    turns.interrupt_all(session_id)
    usage.close_all(session_id)
    jobs.forget(sessions.delete(session_id))
