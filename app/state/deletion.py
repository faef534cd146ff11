"""Deleting a session: its keys in Redis are found by its own indexes, never by a scan of all keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.events import sse
from app.state import redis_keys
from app.state.control_messages import DropWork, steps_work, title_work, turn_work
from app.state.leases import Leases
from app.state.open_requests import last_number
from app.state.pairs import frame_pairs, from_pairs
from app.state.scripts import Store
from app.state.step_calls import call_member

DELETE_BATCH = 1000
"""Entries of an index that one command removes."""

NOTICE = "This session was deleted; a new message starts it afresh"


@dataclass(frozen=True)
class SessionRefs:
    """The references from a session to the rest of Redis: the `public_keys` that list it, the number of its client
    `requests`, its threads, its turns, those of them that are `current`, (turn, call) of its multi-step tools, and the
    digests of the addresses that these came from."""

    public_keys: frozenset[str]
    requests: int
    threads: frozenset[str]
    runs: frozenset[str]
    current: frozenset[str]
    calls: frozenset[tuple[str, str]]
    addresses: frozenset[str]

    @classmethod
    def read(
        cls, fields: dict[str, str], threads: Iterable[bytes], kept: Iterable[bytes], addresses: Iterable[bytes]
    ) -> SessionRefs:
        """Out of the session's fields, its two indexes, and the addresses in its calls."""
        names = [name.decode().split(":", 2) for name in kept]
        return cls(
            public_keys=frozenset(filter(None, [fields.get("public_key")])),
            requests=last_number(fields),
            threads=frozenset(thread.decode() for thread in threads),
            runs=frozenset(rest[0] for kind, *rest in names if kind == "run"),
            current=frozenset(filter(None, [fields.get("run")])),
            calls=frozenset((rest[0], rest[1]) for kind, *rest in names if kind == "call"),
            addresses=frozenset(address.decode() for address in addresses),
        )

    def __or__(self, other: SessionRefs) -> SessionRefs:
        return SessionRefs(
            self.public_keys | other.public_keys,
            max(self.requests, other.requests),
            self.threads | other.threads,
            self.runs | other.runs,
            self.current | other.current,
            self.calls | other.calls,
            self.addresses | other.addresses,
        )


def remove(store: Store, session_id: str) -> SessionRefs:
    """Delete the session. Returns what may have left jobs on the queue, for the caller to remove.

    The references are read before the deletion and returned by it: a lost reply must not lose them.
    """
    refs = _look(store, session_id) | _delete(store, session_id)
    requests = [f"{session_id} {number}" for number in range(1, refs.requests + 1)]
    for start in range(0, len(requests), DELETE_BATCH):
        store.redis.zrem(redis_keys.CLIENT_REQUESTS, *requests[start : start + DELETE_BATCH])
    for public_key in refs.public_keys:
        store.redis.zrem(redis_keys.sessions_of(public_key), session_id)
    _remove_calls(store, session_id, refs)
    leases = Leases(store)
    for run_id in refs.runs:
        leases.drop(session_id, run_id)
    for work in _work_of(refs):
        store.redis.publish(redis_keys.CONTROL, DropWork(work).encode())
    return refs


def _look(store: Store, session_id: str) -> SessionRefs:
    pipeline = store.redis.pipeline(transaction=False)
    pipeline.zrange(redis_keys.threads(session_id), 0, -1)
    pipeline.zrange(redis_keys.kept(session_id), 0, -1)
    threads, kept = pipeline.execute()
    refs = SessionRefs.read(store.fields(redis_keys.session(session_id)), threads, kept, [])
    for run_id, call_id in refs.calls:
        pipeline.hget(redis_keys.call(session_id, run_id, call_id), "address")
    return replace(refs, addresses=frozenset(address.decode() for address in pipeline.execute() if address))


def _remove_calls(store: Store, session_id: str, refs: SessionRefs) -> None:
    """Wake no multi-step call of the session, and give back their places."""
    members = [call_member(session_id, *call) for call in refs.calls]
    if members:
        for index in (redis_keys.SLEEPING_CALLS, *map(redis_keys.tools_of_address, refs.addresses)):
            store.redis.zrem(index, *members)


def _delete(store: Store, session_id: str) -> SessionRefs:
    args = {
        "updates": frame_pairs([sse.system_notice(session_id, NOTICE)]),
        "max_updates": store.settings.updates_kept,
        "ttl": store.settings.session_ttl,
    }
    fields, threads, kept, addresses = store.call("delete_session", redis_keys.fixed_names(session_id), args)
    return SessionRefs.read(from_pairs(fields), threads, kept, addresses)


def _work_of(refs: SessionRefs) -> Iterable[str]:
    """The names of all work that a worker may be doing for the session."""
    yield from map(turn_work, refs.current)
    yield from (steps_work(run_id, call_id) for run_id, call_id in refs.calls)
    yield from map(title_work, refs.threads)
