"""Concurrency slots: how many sessions of an API key or an address may have turns running at once.

A slot is a lease like that of its turn, renewed and dropped with it (see `leases`), so a slot of a dead process becomes
free by itself. It lasts one AOMI_LEASE longer: the reaper finds the slot of an overdue turn still taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from app.state import redis_keys
from app.state.scripts import Store
from app.state.turns.leases import Leases, member


@dataclass(frozen=True)
class ConcurrencyLimit:
    """`who` of a `kind`, such as the id of a key, may have turns in `max_sessions` sessions at once."""

    kind: str
    who: str
    max_sessions: int

    @property
    def redis_key(self) -> str:
        """The sorted set of its slots."""
        return redis_keys.turns_of(self.kind, self.who)


class Slots:
    """The concurrency slots of all limits."""

    def __init__(self, store: Store, leases: Leases) -> None:
        self._store = store
        self._leases = leases

    def take(self, session_id: str, run_id: str, limits: Sequence[ConcurrencyLimit]) -> ConcurrencyLimit | None:
        """Take a slot of each limit for a turn that is about to start.

        Returns the limit that has no slot left, if there is one; then, and behind an error, no slot is taken.
        """
        with ExitStack() as unless_all:
            for limit in limits:
                if not self._take(session_id, run_id, limit):
                    return limit
                unless_all.callback(self._store.redis.zrem, limit.redis_key, member(session_id, run_id))
            unless_all.pop_all()
        return None

    def _take(self, session_id: str, run_id: str, limit: ConcurrencyLimit) -> bool:
        args = {
            "session": session_id,
            "run": run_id,
            "max_sessions": limit.max_sessions,
            "lasts": int(self._leases.slot_seconds() * 1000),
            "ttl": int(self._leases.slot_ttl * 1000),
        }
        return bool(self._store.call("take_slot", [limit.redis_key], args))
