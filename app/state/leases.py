"""Leases of open turns: who looks after a turn renews its lease; one that ran out shows that nobody does."""

from __future__ import annotations

from typing import Any

from app.state import keys
from app.state.store import Store, milliseconds

AT_ONCE = 100
"""Leases that are looked at in one round."""

ENDED = frozenset({"complete", "interrupted", "error"})
"""The statuses of turns that are over."""


class Leases:
    """One sorted set of all open turns, by the moment when each lease ends."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis
        self._spread = store.spread
        self._seconds = store.settings.lease

    def renewal(self, session_id: str, run_id: str, times: int = 1) -> tuple[Any, ...]:
        """The command that gives a turn another `AOMI_LEASE`, or several `times` as long. What begins a turn sends it
        first, so that no turn is without a lease that holds, whatever dies in between."""
        return "ZADD", keys.LEASES, milliseconds() + int(self._seconds * 1000 * times), _member(session_id, run_id)

    def renew(self, session_id: str, run_id: str, times: int = 1) -> None:
        """The turn is looked after for another `AOMI_LEASE`, or for several `times` as long."""
        command, name, *entry = self.renewal(session_id, run_id, times)
        self._redis.execute_command(command, name, "XX", *entry)  # one that was dropped meanwhile stays dropped

    def overdue(self) -> list[tuple[str, str]]:
        """Session and run of turns that nobody has looked after in time, the longest overdue first."""
        count = 10 * AT_ONCE if self._spread else AT_ONCE
        members = self._redis.zrangebyscore(keys.LEASES, 0, milliseconds(), start=0, num=count)
        found = [tuple(member.decode().split(" ")) for member in members]
        return (self._drop_ended(found) if self._spread else found)[:AT_ONCE]

    def _drop_ended(self, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Drop those that `end` has left, all at once; returns the others."""
        pipeline = self._redis.pipeline(transaction=False)
        for session_id, run_id in found:
            pipeline.hget(keys.run(session_id, run_id), "status")
        statuses = [raw and raw.decode() for raw in pipeline.execute()]
        gone = [one for one, status in zip(found, statuses, strict=True) if status is None or status in ENDED]
        if gone:
            self._redis.zrem(keys.LEASES, *(_member(*one) for one in gone))
        return [one for one, status in zip(found, statuses, strict=True) if status and status not in ENDED]

    def end(self, session_id: str, run_id: str) -> None:
        """The turn has ended. On a cluster its lease stays until it runs out: should the master of the turn die and
        lose the end, this one, which another master holds, leads the caretaker to it."""
        if not self._spread:
            self.drop(session_id, run_id)

    def drop(self, session_id: str, run_id: str) -> None:
        """Forget a turn that never was, or whose end is beyond doubt."""
        self._redis.zrem(keys.LEASES, _member(session_id, run_id))


def _member(session_id: str, run_id: str) -> str:
    return f"{session_id} {run_id}"
