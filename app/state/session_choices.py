"""The app and the model chosen in a session, by what this process read last.

A message needs them. It is made of what was read, and the step that accepts it compares: one round trip less before the
first token, and nothing to be kept up to date.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

from app.state.session_fields import Fields

MAX_SEEN = 10_000
"""Sessions that are remembered; the one that was read least recently is forgotten."""


class SessionChoice(NamedTuple):
    """'' is the default. Of a session that is not there, both are."""

    app: str = ""
    model: str = ""

    @classmethod
    def of(cls, session: Fields) -> SessionChoice:
        """That of a session's fields."""
        return cls(session.get("chosen_app", ""), session.get("model", ""))

    def fields(self) -> Fields:
        """As the fields of a session."""
        return {"chosen_app": self.app, "model": self.model}


class SeenChoices:
    """By session; only those that are not the default take memory. Safe for use by several threads."""

    def __init__(self) -> None:
        self._seen: dict[str, SessionChoice] = {}
        self._lock = threading.Lock()

    def of(self, session_id: str) -> SessionChoice:
        """The choice that was read last, the default if none was."""
        return self._seen.get(session_id, SessionChoice())

    def learn(self, session_id: str, session: Fields) -> None:
        """Remember the choice of a session that was read."""
        choice = SessionChoice.of(session)
        with self._lock:
            self._seen.pop(session_id, None)
            if choice != SessionChoice():
                self._seen[session_id] = choice
            while len(self._seen) > MAX_SEEN:
                del self._seen[next(iter(self._seen))]
