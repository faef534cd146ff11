"""The ledger: what model calls used, counted once each, however often and by whomever it is told.

A call is opened before it is made, in the turn's hash and in one index of all that is open. Settling it takes three
steps, each of which bears being done again: the turn's charge (the first one counts), the sums of its API key, which
are elsewhere on a cluster, then the call is closed. Who dies in between leaves the call in the index.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from app import exact_json
from app.state import redis_keys
from app.state.clock import now_ms
from app.state.ids import sha256_hex
from app.state.pairs import text_fields
from app.state.scripts import Store
from app.usage import Charge, ModelCall, Totals, nano
from app.usage.report import Days, Row, today

RECHECK_LEASES = 3
"""Leases after which somebody looks at an open call."""

CHARGE_NAME_CHARACTERS = 32
"""Characters of a charge's name: enough of a SHA-256 to tell one from another. It says nothing of the turn."""

OVERDUE_BATCH = 100


class Ledger:
    """Usage of all turns, sessions and API keys."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._settings = store.settings

    def open(self, session_id: str, run_id: str, call: ModelCall) -> None:
        """Write down a model call that is about to be made."""
        args = (run_id, call.number, exact_json.dumps(asdict(call)))
        due = self._due(session_id, run_id, call.number, RECHECK_LEASES)
        self._store.call("model_call", [redis_keys.session(session_id)], *args, first_command=due)

    def settle(self, session_id: str, run_id: str, charge: Charge) -> Charge:
        """Count what a call has used. Returns the charge that counts: this one, or that of somebody who was faster.

        A turn that is gone, as its session was deleted, still counts for its API key.
        """
        names, life = [redis_keys.session(session_id)], self._settings.session_ttl
        added = _added(charge, f" {charge.day} {charge.key} {charge.app} {charge.model}")
        found = self._store.call("charge", names, run_id, charge.number, exact_json.dumps(asdict(charge)), life, *added)
        charge = Charge.read(exact_json.loads(found)) if found else charge
        self._count(sha256_hex(f"{run_id} {charge.number}".encode())[:CHARGE_NAME_CHARACTERS], charge)
        closed = ("ZREM", redis_keys.MODEL_CALLS, _member(session_id, run_id, charge.number))
        self._store.call("counted", names, run_id, charge.number, self._settings.log_ttl, first_command=closed)
        return charge

    def unsettled_calls(self, session_id: str, run_id: str) -> list[ModelCall]:
        """The calls of a turn that are not settled and counted."""
        prefix = redis_keys.model_call_field("")
        fields = self._store.fields(redis_keys.run(session_id, run_id))
        return [ModelCall.read(exact_json.loads(value)) for name, value in fields.items() if name.startswith(prefix)]

    def unsettled_turns(self, session_id: str) -> set[str]:
        """The turns of a session that have open calls."""
        found = self._redis.zscan_iter(redis_keys.MODEL_CALLS, match=f"{session_id} *", count=1000)
        return {member.decode().split(" ")[1] for member, _ in found}

    def overdue(self) -> list[tuple[str, str, str]]:
        """Session, run and number of open calls that somebody should look at."""
        members = self._redis.zrangebyscore(redis_keys.MODEL_CALLS, 0, now_ms(), start=0, num=OVERDUE_BATCH)
        return [tuple(member.decode().split(" ")) for member in members]

    def postpone(self, session_id: str, run_id: str, number: str) -> None:
        """Look at an open call later."""
        self._redis.execute_command(*self._due(session_id, run_id, number, RECHECK_LEASES))

    def forget(self, session_id: str, run_id: str, number: str) -> None:
        """Nobody need look at a call any more."""
        self._redis.zrem(redis_keys.MODEL_CALLS, _member(session_id, run_id, number))

    # reading

    def spent(self, key: str, month: str) -> int:
        """What an API key has cost in a month such as `2026-11`, in nano-dollars."""
        fields = self._redis.hgetall(redis_keys.month_usage(key, month))
        return sum(int(value) for name, value in fields.items() if name.startswith(b"cost "))

    def is_over(self, key: str, budget: str) -> bool:
        """Whether an API key has cost its monthly `budget` of US$ this month; '' is no budget, and reads nothing."""
        return bool(budget) and self.spent(key, f"{today():%Y-%m}") >= nano(Decimal(budget))

    def of_key(self, key: str, days: Days) -> list[Row]:
        """What an API key used on these days."""
        return self._of([(key, day) for day in days.names()])

    def of_all(self, days: Days) -> list[Row]:
        """What all API keys used on these days. It goes through the names of all keys in Redis."""
        names = self._redis.scan_iter(match=redis_keys.ALL_DAY_USAGE, count=1000)
        used = {redis_keys.key_and_day_of(name.decode()) for name in names}
        return self._of(sorted((key, day) for key, day in used if day in days))

    def of_session(self, session_id: str) -> list[Row]:
        """What a session used, for as long as it is kept."""
        sums = _sums(self._store.fields(redis_keys.session_usage(session_id)))
        parts = ((rest.split(" ", 3), totals) for rest, totals in sums.items())
        return [Row(day, key, app, model, totals, session_id) for (day, key, app, model), totals in parts]

    def _of(self, wanted: list[tuple[str, str]]) -> list[Row]:
        pipeline = self._redis.pipeline(transaction=False)
        for key, day in wanted:
            pipeline.hgetall(redis_keys.day_usage(key, day))
        rows = []
        for (key, day), raw in zip(wanted, pipeline.execute(), strict=True):
            for rest, totals in _sums(text_fields(raw)).items():
                app, model = rest.split(" ", 1)
                rows.append(Row(day, key, app, model, totals))
        return rows

    def _count(self, name: str, charge: Charge) -> None:
        moment = now_ms()
        names = [
            redis_keys.counted_charges(charge.key),
            redis_keys.day_usage(charge.key, charge.day),
            redis_keys.month_usage(charge.key, charge.day[:7]),
        ]
        kept = self._settings.charge_ttl  # two who settle the same call do so within seconds of each other
        lives = (moment - kept * 1000, kept, self._settings.usage_ttl)
        self._store.call("add_up", names, name, moment, *lives, *_added(charge, f" {charge.app} {charge.model}"))

    def _due(self, session_id: str, run_id: str, number: str, leases: int) -> tuple[Any, ...]:
        when = now_ms() + int(self._settings.lease * 1000 * leases)
        return "ZADD", redis_keys.MODEL_CALLS, when, _member(session_id, run_id, number)


def _member(session_id: str, run_id: str, number: str) -> str:
    return f"{session_id} {run_id} {number}"


def _added(charge: Charge, rest: str) -> Iterable[Any]:
    """The fields of a hash of sums that a charge adds to, each followed by how much."""
    for measure, value in asdict(charge.totals()).items():
        if value:
            yield from (measure + rest, value)


def _sums(fields: dict[str, str]) -> dict[str, Totals]:
    """A hash of sums by what stands behind the measure in its fields."""
    found: dict[str, dict[str, int]] = {}
    for name, value in fields.items():
        measure, _, rest = name.partition(" ")
        found.setdefault(rest, {})[measure] = int(value)
    return {rest: Totals(**sums) for rest, sums in found.items()}
