"""Multi-step calls that sleep without a job: the index by which a reaper finds those that go on."""

from __future__ import annotations

from app.state import redis_keys
from app.state.scripts import Store

WAKE_BATCH = 100
"""Calls that one process wakes in one round of its reaper."""

RETRY_LEASES = 3
"""Leases until a call that was woken, and that no job has claimed, is woken again."""


class SleepingCalls:
    """The sleeping calls of all sessions, each as `<session> <run> <call>`, by the time of Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, member: str, seconds: float) -> None:
        """The call goes on in so many seconds."""
        args = {"member": member, "milliseconds": int(seconds * 1000)}
        self._store.call("schedule", [redis_keys.SLEEPING_CALLS], args)

    def remove(self, member: str) -> None:
        """The call does not sleep any more."""
        self._store.redis.zrem(redis_keys.SLEEPING_CALLS, member)

    def take_due(self) -> list[tuple[str, str, str]]:
        """Session, run and id of calls that go on now. No other process gets them until `RETRY_LEASES` have passed."""
        retry = int(RETRY_LEASES * self._store.settings.lease * 1000)
        due = self._store.call("take_due", [redis_keys.SLEEPING_CALLS], {"count": WAKE_BATCH, "milliseconds": retry})
        parts = (raw.decode().split(" ", 2) for raw in due)
        return [(session_id, run_id, call_id) for session_id, run_id, call_id in parts]
