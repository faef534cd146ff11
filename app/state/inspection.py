"""Reads across all sessions and turns, for operators. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from app import exact_json
from app.events.entries import StreamEntry
from app.state import redis_keys
from app.state.open_calls.records import AwaitingTurn
from app.state.redis_keys import WEBHOOKS_DUE, WEBHOOKS_FAILED
from app.state.scripts import Store
from app.state.turns.streams import read_stream
from app.usage import Charge

Fields = dict[str, str]

SCAN_BATCH = 1000
"""Keys that one command reads, so that an operator's query does not block Redis."""


class Inspection:
    """Reads across sessions. Where there is no index it scans the names of all keys: seconds for a million."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis

    def session_ids(self, prefix: str = "") -> Iterator[str]:
        """The ids of all sessions, or of those that begin with `prefix`, in no order."""
        return (redis_keys.hash_tag(key) for key in self._scan(redis_keys.session(f"{prefix}*")))

    def sessions_under(self, public_key: str) -> list[str]:
        """The ids of a public key's sessions, newest first, including expired ones."""
        return [raw.decode() for raw in self._redis.zrevrange(redis_keys.sessions_of(public_key), 0, -1)]

    def sessions_of_client(self, client: str) -> Iterator[str]:
        """The ids of the sessions that belong to a client, by its digest, in no order."""
        for key in self._scan(redis_keys.client("*"), "STRING"):
            if self._redis.get(key) == client.encode():
                yield redis_keys.hash_tag(key)

    def sessions_of_user(self, user_id: str) -> Iterator[str]:
        """The ids of the sessions that a user owns, in no order."""
        for key in self._scan(redis_keys.owner("*"), "STRING"):
            if (self._redis.get(key) or b"").decode().split(" ")[0] == user_id:
                yield redis_keys.hash_tag(key)

    def runs(self, session_id: str = "*", prefix: str = "") -> Iterator[tuple[str, str]]:
        """Session and id of the kept turns: of all sessions or of one, all or those whose id begins with `prefix`."""
        for key in self._scan(redis_keys.run(session_id, f"{prefix}*")):
            yield redis_keys.hash_tag(key), key.rpartition(":")[2]

    def open_runs(self) -> list[tuple[str, str, float]]:
        """Session and id of the turns that have not ended, and for how many seconds their leases last."""
        now, runs = self.now().timestamp(), []
        for member, end in self._redis.zrange(redis_keys.LEASES, 0, -1, withscores=True):
            session_id, run_id = member.decode().split(" ")
            runs.append((session_id, run_id, end / 1000 - now))
        return runs

    def now(self) -> datetime:
        """The time of Redis, UTC."""
        return self._store.clock.now()

    def log(self, session_id: str, run_id: str) -> list[StreamEntry]:
        """The events of a turn."""
        return read_stream(self._store, redis_keys.log(session_id, run_id), 0)

    def charges(self, session_id: str, run_id: str) -> list[Charge]:
        """The charges of a turn's settled model calls."""
        fields = self._store.fields(redis_keys.run(session_id, run_id))
        charges = (value for name, value in fields.items() if name.startswith(redis_keys.charge_field("")))
        return [Charge.read(exact_json.loads(value)) for value in charges]

    def client_requests(self) -> int:
        """How many requests to clients have not expired, answered ones among them."""
        return int(self._redis.zcard(redis_keys.CLIENT_REQUESTS))

    def awaiting_runs(self) -> list[tuple[str, str]]:
        """Session and id of the turns whose calls wait for a person, those first whose time is over first. Some may be
        answered since."""
        members = self._redis.zrange(redis_keys.OPEN_CALLS, 0, -1)
        runs = (member.decode().split(" ") for member in members)
        return [(session_id, run_id) for session_id, run_id in runs]

    def awaiting_turn(self, session_id: str, run_id: str) -> AwaitingTurn | None:
        """A turn whose calls wait for a person; None if none of them does any more."""
        fields = self._store.fields(redis_keys.run(session_id, run_id))
        thread = self._store.fields(redis_keys.thread(session_id, fields.get("thread", "")))
        return AwaitingTurn.read(session_id, fields) if thread.get("awaiting") == run_id else None

    def sleeping_tools(self) -> int:
        """How many multi-step calls sleep without a thread."""
        return int(self._redis.zcard(redis_keys.SLEEPING_CALLS))

    def apps_with_webhooks(self) -> list[str]:
        """The apps of which messages to receivers are due, or are not sent any more."""
        names = [name for kind in (WEBHOOKS_DUE, WEBHOOKS_FAILED) for name in self._scan(f"{kind}:*", "ZSET")]
        return sorted({redis_keys.last_part(name) for name in names})

    def pick(self, names: Iterable[str], fields: Sequence[str]) -> list[Fields]:
        """Some fields of hashes, in the order of `names`; a missing field is ''."""
        hashes: list[Fields] = []
        rest = iter(names)
        while batch := list(islice(rest, SCAN_BATCH)):
            pipeline = self._redis.pipeline(transaction=False)
            for name in batch:
                pipeline.hmget(name, fields)
            for values in pipeline.execute():
                texts = ((value or b"").decode() for value in values)
                hashes.append(dict(zip(fields, texts, strict=True)))
        return hashes

    def sizes(self, names: Sequence[str]) -> list[int]:
        """The number of members of each set."""
        pipeline = self._redis.pipeline(transaction=False)
        for name in names:
            pipeline.scard(name)
        return [int(size) for size in pipeline.execute()]

    def _scan(self, pattern: str, kind: str = "HASH") -> Iterator[str]:
        seen: set[bytes] = set()  # a scan may bring a key twice
        for raw in self._redis.scan_iter(match=pattern, count=SCAN_BATCH, _type=kind):
            if raw not in seen:
                seen.add(raw)
                yield raw.decode()
