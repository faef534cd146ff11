"""Sessions that go with their only request: a client that keeps the history itself gets no session to keep.

Each is in an index by when one looks whether its request is still open. The request moves that time on; when its
process has died, the reaper erases the session.
"""

from __future__ import annotations

from app.state import redis_keys
from app.state.scripts import Store
from app.state.turns import due
from app.state.turns.due import Due

ERASED_AT_ONCE = 50
"""Sessions that the reaper erases in one run."""

RETRY_SECONDS = 60
"""After which a session is erased again whose erasure was cut off."""

SETTLING_SECONDS = 5.0
"""Between the end of a request and the erasure of its session: the worker counts what the last model call used."""


class TemporarySessions:
    """The index of all of them. `seconds` is how long a session stays that no request holds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.seconds = 60.0 + 2 * store.settings.keep_alive

    def add(self, session_id: str) -> None:
        """Record a session before it is created."""
        due.set_due(self._store, self._due(session_id, self.seconds))

    def hold(self, session_id: str) -> None:
        """Its request is still open."""
        due.postpone(self._store, [self._due(session_id, self.seconds)])

    def release(self, session_id: str) -> None:
        """Its request is over: a reaper erases it soon."""
        due.postpone(self._store, [self._due(session_id, SETTLING_SECONDS)])

    def forget(self, session_id: str) -> None:
        """It is erased."""
        self._store.redis.zrem(redis_keys.TEMPORARY_SESSIONS, session_id)

    def take_overdue(self) -> list[str]:
        """Sessions to erase. No other process gets them until `RETRY_SECONDS` have passed."""
        args = {"count": ERASED_AT_ONCE, "milliseconds": RETRY_SECONDS * 1000}
        return [raw.decode() for raw in self._store.call("take_due", [redis_keys.TEMPORARY_SESSIONS], args)]

    def _due(self, session_id: str, seconds: float) -> Due:
        return Due(redis_keys.TEMPORARY_SESSIONS, session_id, seconds)
