"""Slots: how many turns a key or an address may have running at once.

A slot is a lease like that of its turn, renewed and dropped with it (see `leases`), so that what a dead process held
comes back by itself. It lasts one AOMI_LEASE longer: who looks after an overdue turn finds its slot still taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.state import redis_keys
from app.state.clock import now_ms
from app.state.leases import Leases, member
from app.state.scripts import Store


@dataclass(frozen=True)
class ConcurrencyLimit:
    """Who may have turns in `most` sessions at once: `who` of a `kind`, such as a key's id."""

    kind: str
    who: str
    most: int

    @property
    def slots(self) -> str:
        """Where its slots are."""
        return redis_keys.turns_of(self.kind, self.who)


class Slots:
    """The slots of all holders."""

    def __init__(self, store: Store, leases: Leases) -> None:
        self._store = store
        self._leases = leases

    def take(self, session_id: str, run_id: str, limits: Sequence[ConcurrencyLimit]) -> ConcurrencyLimit | None:
        """Take a slot of each holder for a turn that is about to start. The holder that has none left, if there is one;
        then none is taken."""
        for place, limit in enumerate(limits):
            if not self._take(session_id, run_id, limit):
                self.give_back(session_id, run_id, limits[:place])
                return limit
        return None

    def give_back(self, session_id: str, run_id: str, limits: Sequence[ConcurrencyLimit]) -> None:
        """The turn did not start."""
        for limit in limits:
            self._store.redis.zrem(limit.slots, member(session_id, run_id))

    def _take(self, session_id: str, run_id: str, limit: ConcurrencyLimit) -> bool:
        end, life = self._leases.slot_end(), self._leases.slot_life
        args = (now_ms(), end, limit.most, session_id, run_id, life)
        return bool(self._store.call("take", [limit.slots], *args))
