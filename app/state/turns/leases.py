"""Leases of open turns: the process that runs a turn renews its lease; a lease that ran out shows that none does.

Redis's own clock says when a lease ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from app.state import redis_keys
from app.state.scripts import Call, Commands, Store, commands_of
from app.state.turns.due import Due, overdue, postpone, setting
from app.state.turns.run_status import ENDED

OVERDUE_BATCH = 100
"""Leases that the reaper looks at in one run."""

MAX_LEASES = 3
"""A lease may be given for this many times AOMI_LEASE at most."""


class RunningTurn(NamedTuple):
    """A turn that runs in this process. `slots` are the Redis keys of its concurrency slots."""

    session_id: str
    run_id: str
    slots: tuple[str, ...] = ()


class Leases:
    """One sorted set of all open turns, by the end of each lease. `seconds` is AOMI_LEASE."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._is_cluster = store.is_cluster
        self.seconds = store.settings.lease
        self.slot_ttl = (MAX_LEASES + 2) * self.seconds
        """How long slots are kept that nobody renews, in seconds: longer than any of them lasts."""

    def renewal(self, session_id: str, run_id: str) -> Call:
        """The call that gives a turn another `AOMI_LEASE`.

        It is sent before a script that begins a turn, so that no turn lacks a lease, whatever dies in between.
        """
        return setting(self._lease(session_id, run_id))

    def first(self, session_id: str, run_id: str) -> dict[str, Any] | None:
        """The lease of a new turn, for the script that records it; None on a cluster, where `renewal` comes before."""
        if self._is_cluster:
            return None
        due = self._lease(session_id, run_id)
        return {"key": self._name, "member": due.member, "ms": int(due.seconds * 1000)}

    @cached_property
    def _name(self) -> str:
        """The name of the set, as scripts of one server take it."""
        [[_, name]] = commands_of(self._redis.pipeline(transaction=False).zcard(redis_keys.LEASES))
        return str(name)

    def slot_seconds(self, times: int = 1) -> float:
        """How long the slot of a turn lasts whose lease is given now, for several `times` AOMI_LEASE."""
        return self.seconds * (times + 1)

    def renew(self, session_id: str, run_id: str, slots: Sequence[str] = (), times: int = 1) -> None:
        """Renew a turn's lease and slots for another `AOMI_LEASE`, or for several `times` as long. A lease that was
        dropped stays dropped."""
        self.renew_all([RunningTurn(session_id, run_id, tuple(slots))], times)

    def renew_all(self, turns: Iterable[RunningTurn], times: int = 1) -> None:
        """As `renew`, for all the turns of a process at once: one by one, a busy process would take longer than a lease
        lasts."""
        dues: list[Due] = []
        for session_id, run_id, slots in turns:
            slot_seconds = self.slot_seconds(times)
            dues.append(self._lease(session_id, run_id, times))
            dues += [Due(slot, member(session_id, run_id), slot_seconds, self.slot_ttl) for slot in slots]
        if dues:
            postpone(self._store, dues)

    def overdue(self) -> list[tuple[str, str]]:
        """Session and run of turns whose lease ran out, the longest overdue first."""
        count = 10 * OVERDUE_BATCH if self._is_cluster else OVERDUE_BATCH
        members = (member.split(" ") for member in overdue(self._store, redis_keys.LEASES, count))
        turns = [(session_id, run_id) for session_id, run_id in members]
        return (self._drop_ended(turns) if self._is_cluster else turns)[:OVERDUE_BATCH]

    def _drop_ended(self, turns: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Drop the turns whose end left the lease, all at once, with slots that it did not free; return the others."""
        pipeline = self._redis.pipeline(transaction=False)
        for session_id, run_id in turns:
            pipeline.hmget(redis_keys.run(session_id, run_id), "status", "slots")
        runs = [[(raw or b"").decode() for raw in values] for values in pipeline.execute()]
        for (session_id, run_id), (status, slots) in zip(turns, runs, strict=True):
            if not status or status in ENDED:
                for name in (*slots.split(), redis_keys.LEASES):
                    pipeline.zrem(name, member(session_id, run_id))
        pipeline.execute()
        return [turn for turn, (status, _) in zip(turns, runs, strict=True) if status and status not in ENDED]

    def ending(self, session_id: str, run_id: str, slots: Sequence[str] = ()) -> Commands:
        """The commands with which a turn's end drops its lease and frees its slots, in the same step. On a cluster
        none: `free` comes after it."""
        return self._store.removing([(name, member(session_id, run_id)) for name in (*slots, redis_keys.LEASES)])

    def free(self, session_id: str, run_id: str, slots: Sequence[str]) -> None:
        """Free the slots of a turn that Redis refused, or that has ended on a cluster. Its lease stays until it runs
        out: if the master of the turn dies and loses the end, the lease, which another master holds, leads the reaper
        to the turn."""
        self._remove(session_id, run_id, slots)

    def drop(self, session_id: str, run_id: str, slots: Sequence[str] = ()) -> None:
        """Drop the lease of a turn that was never accepted, or whose end is certain; its slots are free."""
        self._remove(session_id, run_id, (*slots, redis_keys.LEASES))

    def _lease(self, session_id: str, run_id: str, times: int = 1) -> Due:
        return Due(redis_keys.LEASES, member(session_id, run_id), self.seconds * times)

    def _remove(self, session_id: str, run_id: str, names: Sequence[str]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for name in names:
            pipeline.zrem(name, member(session_id, run_id))
        pipeline.execute()


def member(session_id: str, run_id: str) -> str:
    """A turn in a sorted set."""
    return f"{session_id} {run_id}"
