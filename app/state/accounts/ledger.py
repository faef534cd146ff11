"""The ledger: what model calls used, each counted once, however often and by how many processes it is settled.

A call is opened before it is sent, in the turn's hash and in an index of all open calls. Settling it takes three
idempotent steps: the turn's charge (the first one counts), the sums of its API key, which may be on another node of a
cluster, then the call is closed. A process that dies in between leaves the call in the index. One server does all three
at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Any, cast

from app import exact_json
from app.state import redis_keys
from app.state.ids import sha256_hex
from app.state.pairs import text_fields, to_pairs
from app.state.scripts import Call, Store
from app.state.turns import due
from app.state.turns.run_status import RunStatus
from app.usage import Charge, ModelCall, Totals, nano, user_account, user_of_account
from app.usage.report import Days, Row

RECHECK_LEASES = 3
"""Leases after which the reaper looks at an open call."""

CHARGE_NAME_CHARACTERS = 32
"""Characters of a charge's name: enough of a SHA-256 to tell one from another. It says nothing of the turn."""

OVERDUE_BATCH = 100
"""Calls that the reaper looks at in one run."""


class Ledger:
    """Usage of all turns, sessions, API keys and users."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._settings = store.settings

    def open(self, session_id: str, run_id: str, call: ModelCall, claim: str = "") -> RunStatus | None:
        """Record a model call of the worker with this `claim`, '' for any. Returns the status of its turn; None if that
        is gone, or another worker's: the call must be stopped then, and is not recorded."""
        args = {"run": run_id, "claim": claim, "number": call.number, "call": exact_json.dumps(call.stored())}
        is_due = self._recheck(session_id, run_id, call.number)
        status = self._store.call("open_model_call", [redis_keys.session(session_id)], args, is_due)
        if not status:
            self.forget(session_id, run_id, call.number)
            return None
        return cast(RunStatus, status.decode())

    def settle(self, session_id: str, run_id: str, charge: Charge) -> Charge:
        """Count what a call has used. Returns the charge that counts: this one, or that of a process that was faster.

        A turn that is gone, because its session was deleted, still counts for its API key, but not for its user:
        what was open then was counted before the deletion, and the user may have been erased since.
        """
        member = _member(session_id, run_id, charge.number)
        closing = {
            "run": run_id,
            "number": charge.number,
            "log_ttl": self._settings.log_ttl,
            "index": self._store.removing([(redis_keys.MODEL_CALLS, member)]),
        }
        stored, *is_done = self._charge(session_id, run_id, charge, closing)
        charge = Charge.read(exact_json.loads(stored)) if stored else charge
        if is_done:
            return charge
        for account in charge.accounts:
            if stored or not user_of_account(account):
                self._store.call("add_usage", _account_keys(account, charge), self._counting(run_id, charge))
        # Last: a process that dies before this leaves the call to the reaper.
        self._store.call("close_model_call", [redis_keys.session(session_id)], closing)
        if self._store.is_cluster:
            self.forget(session_id, run_id, charge.number)
        return charge

    def _charge(self, session_id: str, run_id: str, charge: Charge, closing: Mapping[str, Any]) -> list[Any]:
        """The reply of the script `charge`; [None] where the turn is gone."""
        args = {
            "charge": exact_json.dumps(charge.stored()),
            "sums": _sums_of(charge, f" {charge.day} {charge.api_key_id} {charge.app} {charge.model}"),
            "run_sums": _sums_of(charge, f" {run_id}"),
            "ttl": self._settings.session_ttl,
            "account": self._counting(run_id, charge),
        }
        accounts = [] if self._store.is_cluster else [_account_keys(account, charge) for account in charge.accounts]
        keys = [redis_keys.session(session_id), *chain(*accounts)]
        return self._store.call("charge", keys, {**closing, **args}) or [None]

    def unsettled_calls(self, session_id: str, run_id: str) -> list[ModelCall]:
        """The calls of a turn that are not settled and counted."""
        prefix = redis_keys.model_call_field("")
        fields = self._store.fields(redis_keys.run(session_id, run_id))
        return [ModelCall.read(exact_json.loads(value)) for name, value in fields.items() if name.startswith(prefix)]

    def unsettled_turns(self, session_id: str) -> set[str]:
        """The turns of a session that have unsettled calls."""
        members = self._redis.zscan_iter(redis_keys.MODEL_CALLS, match=f"{session_id} *", count=1000)
        return {member.decode().split(" ")[1] for member, _ in members}

    def overdue(self) -> list[tuple[str, str, str]]:
        """Session, run and number of calls that were not settled in time."""
        entries = (entry.split(" ") for entry in due.overdue(self._store, redis_keys.MODEL_CALLS, OVERDUE_BATCH))
        return [(session_id, run_id, number) for session_id, run_id, number in entries]

    def postpone(self, session_id: str, run_id: str, number: str) -> None:
        """Make an open call overdue again after `RECHECK_LEASES` leases."""
        self._store.run(self._recheck(session_id, run_id, number))

    def forget(self, session_id: str, run_id: str, number: str) -> None:
        """Drop a call from the index."""
        self._redis.zrem(redis_keys.MODEL_CALLS, _member(session_id, run_id, number))

    # reading

    def today(self) -> date:
        """The day (UTC) for which a call counts that is sent now."""
        return self._store.clock.today()

    def spent(self, key: str, month: str) -> int:
        """The cost of an API key in a month such as `2026-11`, in nano-dollars."""
        fields = self._redis.hgetall(redis_keys.month_usage(key, month))
        return sum(int(value) for name, value in fields.items() if name.startswith(b"cost "))

    def is_over(self, account: str, budget: str) -> bool:
        """Whether an API key, or a user (`user_account`), has cost its monthly `budget` of US$ this month; '' is no
        budget, and reads nothing."""
        return bool(budget) and self.spent(account, f"{self.today():%Y-%m}") >= nano(Decimal(budget))

    def of_key(self, key: str, days: Days) -> list[Row]:
        """The usage of an API key on these days."""
        return self._of([(key, day) for day in days.names()])

    def of_all(self, days: Days) -> list[Row]:
        """The usage of all API keys on these days. It goes through the names of all keys in Redis."""
        return self._of([(account, day) for account, day in self._used(days) if not user_of_account(account)])

    def of_users(self, days: Days) -> list[Row]:
        """As `of_all`, of all users: rows with a `user`, and without an API key."""
        rows = self._of([(account, day) for account, day in self._used(days) if user_of_account(account)])
        return [replace(row, key="", user=user_of_account(row.key)) for row in rows]

    def forget_user(self, user_id: str) -> None:
        """Delete what a user used. It goes through the names of all keys in Redis."""
        names = list(self._redis.scan_iter(match=redis_keys.all_usage(user_account(user_id)), count=1000))
        for name in names:
            self._redis.unlink(name)

    def _used(self, days: Days) -> list[tuple[str, str]]:
        names = self._redis.scan_iter(match=redis_keys.ALL_DAY_USAGE, count=1000)
        used = {redis_keys.key_and_day_of(name.decode()) for name in names}
        return sorted((key, day) for key, day in used if day in days)

    def of_session(self, session_id: str) -> list[Row]:
        """The usage of a session, for as long as it is kept."""
        by_group = _totals_by_group(self._store.fields(redis_keys.session_usage(session_id)))
        groups = ((group.split(" ", 3), totals) for group, totals in by_group.items())
        return [Row(day, key, app, model, totals, session_id) for (day, key, app, model), totals in groups]

    def of_turns(self, session_id: str, run_ids: Sequence[str]) -> dict[str, Totals]:
        """The usage of those of the turns that are responses of OpenAI's API or keep their facts, for as long as their
        session is kept; without those of which nothing is counted."""
        names = [f"{measure.name} {run_id}" for run_id in run_ids for measure in fields(Totals)]
        if not names:
            return {}
        values = self._redis.hmget(redis_keys.response_usage(session_id), names)
        counted = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        return _totals_by_group(counted)

    def _of(self, wanted: list[tuple[str, str]]) -> list[Row]:
        pipeline = self._redis.pipeline(transaction=False)
        for key, day in wanted:
            pipeline.hgetall(redis_keys.day_usage(key, day))
        rows = []
        for (key, day), raw in zip(wanted, pipeline.execute(), strict=True):
            for group, totals in _totals_by_group(text_fields(raw)).items():
                app, model = group.split(" ", 1)
                rows.append(Row(day, key, app, model, totals))
        return rows

    def _counting(self, run_id: str, charge: Charge) -> dict[str, Any]:
        """The arguments of the script `add_usage`."""
        return {
            "name": sha256_hex(f"{run_id} {charge.number}".encode())[:CHARGE_NAME_CHARACTERS],
            "names_ttl": self._settings.charge_ttl,
            "sums_ttl": self._settings.usage_ttl,
            "sums": _sums_of(charge, f" {charge.app} {charge.model}"),
        }

    def _recheck(self, session_id: str, run_id: str, number: str) -> Call:
        seconds = self._settings.lease * RECHECK_LEASES
        return due.setting(due.Due(redis_keys.MODEL_CALLS, _member(session_id, run_id, number), seconds))


def _account_keys(account: str, charge: Charge) -> list[str]:
    """The keys of the script `add_usage`."""
    return [
        redis_keys.counted_charges(account),
        redis_keys.day_usage(account, charge.day),
        redis_keys.month_usage(account, charge.day[:7]),
    ]


def _member(session_id: str, run_id: str, number: str) -> str:
    return f"{session_id} {run_id} {number}"


def _sums_of(charge: Charge, group: str) -> list[str]:
    """The fields of a hash of sums that a charge adds to, each followed by how much."""
    totals = vars(charge.totals())
    return to_pairs({measure + group: value for measure, value in totals.items() if value})


def _totals_by_group(sums: Mapping[str, str | bytes]) -> dict[str, Totals]:
    """The totals in a hash of sums; a field's name is `<measure> <group>`."""
    groups: dict[str, dict[str, int]] = {}
    for name, value in sums.items():
        measure, _, group = name.partition(" ")
        groups.setdefault(group, {})[measure] = int(value)
    return {group: Totals(**counted) for group, counted in groups.items()}
