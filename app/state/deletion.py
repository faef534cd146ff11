"""Deleting a session: its keys in Redis are found by its own indexes, never by a scan of all keys. A session with many
threads or turns is deleted in parts, each one atomic step; the session itself goes with the last part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from app.events import sse
from app.state import redis_keys
from app.state.ids import sha256_hex
from app.state.pairs import frame_pairs, from_pairs
from app.state.scripts import Store
from app.state.tools.open_requests import last_number
from app.state.tools.step_calls import call_member
from app.state.turns.control_messages import DropWork, compaction_work, steps_work, title_work, turn_work
from app.state.turns.leases import member as turn_member
from app.state.webhooks.messages import member as webhook_member

DELETE_BATCH = 1000
"""Entries of an index that one command removes, and messages that are published together."""

PART = 100
"""Threads, and names in the session's index, that are deleted in one atomic step; in the last one twice as many."""

NOTICE = "This session was deleted; a new message starts it afresh"


@dataclass(frozen=True)
class SessionRefs:
    """The references from a session to the rest of Redis: the `public_keys` and `users` that list it, the number of its
    client `requests`, its threads, its turns, those of them that are `current`, (turn, call) of its multi-step tools,
    the digests of the addresses that these came from, the Redis keys of its turns' `slots`, and (app, message) of its
    `webhooks` that are due."""

    public_keys: frozenset[str] = frozenset()
    requests: int = 0
    threads: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()
    current: frozenset[str] = frozenset()
    calls: frozenset[tuple[str, str]] = frozenset()
    addresses: frozenset[str] = frozenset()
    slots: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    webhooks: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def read(cls, fields: dict[str, str], threads: Iterable[bytes], kept: Iterable[bytes]) -> SessionRefs:
        """Out of the session's fields and its two indexes, without `addresses` and `slots`."""
        names = [name.decode().split(":", 2) for name in kept]
        return cls(
            public_keys=frozenset(filter(None, [fields.get("public_key")])),
            requests=last_number(fields),
            threads=frozenset(thread.decode() for thread in threads),
            runs=frozenset(rest[0] for kind, *rest in names if kind == "run"),
            current=frozenset(filter(None, [fields.get("run")])),
            calls=frozenset((rest[0], rest[1]) for kind, *rest in names if kind == "call"),
            webhooks=frozenset((rest[0], rest[1]) for kind, *rest in names if kind == "webhook"),
        )

    def with_holders(self, addresses: Iterable[bytes | None], slots: Iterable[bytes | None]) -> SessionRefs:
        """With the addresses in its calls and the slots in its turns."""
        named = " ".join(raw.decode() for raw in slots if raw)
        held = frozenset(raw.decode() for raw in addresses if raw)
        return replace(self, addresses=held, slots=frozenset(named.split()))

    def __or__(self, other: SessionRefs) -> SessionRefs:
        return SessionRefs(
            self.public_keys | other.public_keys,
            max(self.requests, other.requests),
            self.threads | other.threads,
            self.runs | other.runs,
            self.current | other.current,
            self.calls | other.calls,
            self.addresses | other.addresses,
            self.slots | other.slots,
            self.users | other.users,
            self.webhooks | other.webhooks,
        )


def remove(store: Store, session_id: str) -> SessionRefs:
    """Delete the session. Returns what may have left jobs on the queue, for the caller to remove. Nobody deletes a
    temporary session, it ends by itself: its messages to receivers are still sent.

    The references are read before the deletion and returned by it: a lost reply must not lose them.
    """
    refs, keep_webhooks = SessionRefs(), store.redis.zscore(redis_keys.TEMPORARY_SESSIONS, session_id) is not None
    while True:
        refs |= _look(store, session_id)
        is_last, part = _delete(store, session_id, keep_webhooks)
        refs |= part
        if keep_webhooks:
            refs, part = replace(refs, webhooks=frozenset()), replace(part, webhooks=frozenset())
        if is_last:
            break
        _remove_work(store, session_id, part)
    _remove_work(store, session_id, refs)
    requests = [f"{session_id} {number}" for number in range(1, refs.requests + 1)]
    _remove_members(store, [redis_keys.CLIENT_REQUESTS], requests)
    _remove_members(store, map(redis_keys.sessions_of, refs.public_keys), [session_id])
    _remove_members(store, map(redis_keys.sessions_of_user, refs.users), [session_id])
    store.redis.unlink(redis_keys.introduced(sha256_hex(session_id.encode())))
    return refs


def _look(store: Store, session_id: str) -> SessionRefs:
    """The references of the next part, and maybe of the part after it."""
    pipeline = store.redis.pipeline(transaction=False)
    pipeline.zrange(redis_keys.threads(session_id), 0, 2 * PART - 1)
    pipeline.zrange(redis_keys.kept(session_id), 0, 2 * PART - 1)
    pipeline.get(redis_keys.owner(session_id))
    threads, kept, owner = pipeline.execute()
    refs = SessionRefs.read(store.fields(redis_keys.session(session_id)), threads, kept)
    refs = replace(refs, users=frozenset(owner.decode().split()[:1] if owner else ()))
    for run_id, call_id in refs.calls:
        pipeline.hget(redis_keys.call(session_id, run_id, call_id), "address")
    for run_id in refs.runs:
        pipeline.hget(redis_keys.run(session_id, run_id), "slots")
    found = pipeline.execute()
    return refs.with_holders(found[: len(refs.calls)], found[len(refs.calls) :])


def _delete(store: Store, session_id: str, keep_webhooks: bool = False) -> tuple[bool, SessionRefs]:
    """Delete a part of the session. Returns whether it was the last one, and what it referred to."""
    args = {
        "count": PART,
        "updates": frame_pairs([sse.system_notice(session_id, NOTICE)]),
        "max_updates": store.settings.updates_kept,
        "ttl": store.settings.session_ttl,
        "keep_webhooks": int(keep_webhooks),
    }
    reply = store.call("delete_session", redis_keys.fixed_names(session_id), args)
    is_last, fields, threads, kept, addresses, slots = reply
    return bool(is_last), SessionRefs.read(from_pairs(fields), threads, kept).with_holders(addresses, slots)


def _remove_work(store: Store, session_id: str, part: SessionRefs) -> None:
    """No lease, slot, open call, place or wake-up of what was deleted stays; workers at it are told to stop."""
    turns = [turn_member(session_id, run_id) for run_id in part.runs]
    _remove_members(store, [redis_keys.LEASES, redis_keys.OPEN_CALLS, *part.slots], turns)
    calls = [call_member(session_id, *call) for call in part.calls]
    _remove_members(store, [redis_keys.SLEEPING_CALLS, *map(redis_keys.tools_of_address, part.addresses)], calls)
    for app, message_id in part.webhooks:
        indexes = [redis_keys.webhooks_due(app), redis_keys.webhooks_failed(app)]
        _remove_members(store, indexes, [webhook_member(session_id, message_id)])
    for batch in _batches([DropWork(work).encode() for work in _work_of(part)]):
        pipeline = store.redis.pipeline(transaction=False)
        for message in batch:
            pipeline.publish(redis_keys.CONTROL, message)
        pipeline.execute()


def _remove_members(store: Store, indexes: Iterable[str], members: list[str]) -> None:
    for index in indexes:
        for batch in _batches(members):
            store.redis.zrem(index, *batch)


def _batches(items: list[str]) -> Iterator[list[str]]:
    return (items[start : start + DELETE_BATCH] for start in range(0, len(items), DELETE_BATCH))


def _work_of(refs: SessionRefs) -> Iterable[str]:
    """The names of all work that a worker may be doing for the session."""
    yield from map(turn_work, refs.current)
    yield from (steps_work(run_id, call_id) for run_id, call_id in refs.calls)
    yield from map(title_work, refs.threads)
    yield from map(compaction_work, refs.threads)
