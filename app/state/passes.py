"""The passes of a reaper, noted in Redis: they show what Redis has forgotten, and for how long it was away.

A lease that looks stale says nothing right after that: no process could renew it, or its renewal is lost.
"""

from __future__ import annotations

from app.state import redis_keys
from app.state.ids import new_id
from app.state.scripts import Store

KEPT_LEASES = 4
"""AOMI_LEASE for which a pass is remembered."""

MAX_GAP_LEASES = 0.75
"""Leases are renewed every quarter of AOMI_LEASE: a Redis that was away for less has made none of them stale."""


class Passes:
    """The passes of one reaper."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = redis_keys.reaper_pass(new_id("reaper"))
        self._lease_us = int(store.settings.lease * 1_000_000)
        self._last: int | None = None

    def note(self) -> bool:
        """Note a pass. False if leases may be stale for another reason than a dead process: Redis was away since the
        last pass, it has lost what was written then, or its clock has jumped. Raises `Unavailable`."""
        args = {"ttl": KEPT_LEASES * self._lease_us // 1000}
        now, before = (int(raw or 0) for raw in self._store.call("note_pass", [self._key], args))
        last, self._last = self._last, now
        self._store.clock.learn(now)
        return last is None or (before == last and 0 <= now - last <= MAX_GAP_LEASES * self._lease_us)
