"""Erasing a session: its turns end, their usage is counted, its keys and its jobs are removed."""

from __future__ import annotations

from app.state.sessions import Sessions
from app.turns.queue import Jobs
from app.turns.service import TurnService
from app.turns.usage_recovery import UsageRecovery


def erase(sessions: Sessions, turns: TurnService, usage: UsageRecovery, jobs: Jobs, session_id: str) -> None:
    """Erase a session. Workers that still work for it are told to stop, and what they write later is refused."""
    turns.interrupt_all(session_id)
    usage.close_all(session_id)
    jobs.forget(sessions.delete(session_id))
