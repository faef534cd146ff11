"""The end of sessions that go with their only request."""

from __future__ import annotations

from collections.abc import Callable

from app.state.responses.temporary_sessions import TemporarySessions


class TemporarySessionErasure:
    """The reaper's duty for them. `erase` erases a session."""

    subject = "temporary session"

    def __init__(self, sessions: TemporarySessions, erase: Callable[[str], None]) -> None:
        self._sessions = sessions
        self._erase = erase

    def overdue(self) -> list[tuple[str]]:
        """The sessions whose request is over, or whose process has died; each is taken by one process."""
        return [(session_id,) for session_id in self._sessions.take_overdue()]

    def handle(self, session_id: str) -> None:
        """Stop its turn and erase it."""
        self._erase(session_id)
        self._sessions.forget(session_id)

    def postpone(self, session_id: str) -> None:
        """Nothing to do: taking the session has postponed it."""
