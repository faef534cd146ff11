"""Reloads of aomi.yaml: the last one, and the report of each process. Processes learn of a reload by reading this, so
one that was away from Redis finds what it has missed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from app.state import redis_keys
from app.state.pairs import text_fields
from app.state.scripts import Store

LIVE_SECONDS = 15.0
"""A process whose last report is older has ended, or cannot reach Redis."""

TTL = 3600

MAX_PROBLEMS, MAX_CHARACTERS = 20, 500
"""Of one report."""

Answer = Literal["", "checked", "taken", "refused", "differs"]
"""To the reload with the id beside it. `refused`: `problems` say why. `differs`: the process has another file."""


@dataclass(frozen=True)
class LastReload:
    """The reload that was begun last: its `id`, `phase` (`check`, `take`, `done`, or `dropped`) and the `digest` of its
    file; and id and digest of the one that was `taken` last. '' where there is none."""

    id: str = ""
    phase: str = ""
    digest: str = ""
    taken: str = ""
    taken_digest: str = ""


@dataclass(frozen=True)
class ProcessReport:
    """The report of a process: its kind (`web`, `worker`), the digest of the file that it uses, and its answer to the
    reload `reload`. `seen`: the digest of a file that differs. `tools`: the digests of the tools with which a worker
    can go on (`Catalog.tool_digests`). `at`: seconds since 1970, by Redis's clock."""

    name: str
    kind: str
    digest: str
    reload: str = ""
    answer: Answer = ""
    problems: Sequence[str] = ()
    seen: str = ""
    tools: Sequence[str] = ()
    at: float = 0.0


class Reloads:
    """All methods raise `Unavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis

    def last(self) -> LastReload:
        """The last reload."""
        fields = self._store.fields(redis_keys.RELOAD)
        return LastReload(**{name: fields.get(name, "") for name in LastReload.__dataclass_fields__})

    def begin(self, reload_id: str, digest: str, seconds: float) -> bool:
        """Have all processes check the file with this digest. False while another reload is being checked; `seconds`
        bound the check of this one."""
        return self._move(reload_id, "check", digest, seconds)

    def take(self, reload_id: str, digest: str, seconds: float = 0.0) -> bool:
        """Have all processes take what they have checked. Until it is `done`, or `seconds` have passed, no other reload
        begins. False if one has begun since."""
        return self._move(reload_id, "take", digest, seconds)

    def done(self, reload_id: str) -> None:
        """No longer wait until all have taken it: another reload may begin."""
        self._move(reload_id, "done")

    def drop(self, reload_id: str) -> None:
        """End the reload: nothing is taken. Does nothing to one that was taken."""
        self._move(reload_id, "dropped")

    def report(self, report: ProcessReport) -> None:
        """Record the report of a process, as of now."""
        stored = asdict(report) | {
            "at": self._store.clock.now().timestamp(),
            "problems": [line[:MAX_CHARACTERS] for line in report.problems[:MAX_PROBLEMS]],
        }
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hset(redis_keys.RELOAD_PROCESSES, stored.pop("name"), json.dumps(stored))
        pipeline.expire(redis_keys.RELOAD_PROCESSES, TTL)
        pipeline.execute()

    def forget(self, name: str) -> None:
        """The process ends."""
        self._redis.hdel(redis_keys.RELOAD_PROCESSES, name)

    def living(self, keep: Collection[str] = ()) -> list[ProcessReport]:
        """The reports of the processes that live, web processes first. Removes those of others, but for the names to
        `keep`: a process that checks a file may be silent for long, and one that ends removes its report itself."""
        reports, since = self._reports(), self._store.clock.now().timestamp() - LIVE_SECONDS
        old = {report.name for report in reports if report.at < since} - {*keep}
        if old:
            self._redis.hdel(redis_keys.RELOAD_PROCESSES, *old)
        return [one for one in reports if one.name not in old]

    def heard(self) -> list[ProcessReport]:
        """The reports of the processes that live, as `living`; changes nothing."""
        since = self._store.clock.now().timestamp() - LIVE_SECONDS
        return [one for one in self._reports() if one.at >= since]

    def _reports(self) -> list[ProcessReport]:
        stored = text_fields(self._redis.hgetall(redis_keys.RELOAD_PROCESSES))
        reports = [_report(name, json.loads(report)) for name, report in stored.items()]
        return sorted(reports, key=lambda one: (one.kind, one.name))

    def _move(self, reload_id: str, phase: str, digest: str = "", seconds: float = 0.0) -> bool:
        args = {"id": reload_id, "phase": phase, "digest": digest, "seconds": seconds}
        return bool(self._store.call("reload", [redis_keys.RELOAD], args))


def _report(name: str, stored: Mapping[str, Any]) -> ProcessReport:
    """Without the fields of another version."""
    known = ProcessReport.__dataclass_fields__.keys() & stored.keys()
    return ProcessReport(name, **{field: stored[field] for field in known})
