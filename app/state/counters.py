"""What all processes have counted together, and what each that lives shows: open streams, running turns.

A process adds what it has counted since the last time, and a sum never goes down when it goes away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.state import redis_keys
from app.state.pairs import text_fields, to_pairs
from app.state.scripts import Store


@dataclass(frozen=True)
class Report:
    """What a process of a `kind` (web, worker) has counted since report `number` - 1, and its gauges."""

    process: str
    kind: str
    number: int
    counted: Mapping[str, float]
    gauges: Mapping[str, float]


class Counters:
    """The sums of all processes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._lives = (store.settings.metrics_ttl, store.settings.metrics_process_ttl)

    def add(self, report: Report) -> None:
        """Add what a process has counted. A report that is sent again, as its answer was lost, counts once."""
        gauges = to_pairs({"kind": report.kind, **report.gauges})
        names = [redis_keys.METRICS, redis_keys.METRICS_PROCESSES, redis_keys.metrics_process(report.process)]
        args = (report.process, report.number, *self._lives, len(gauges), *gauges, *to_pairs(report.counted))
        self._store.call("count", names, *args)

    def totals(self) -> dict[str, float]:
        """The sums, by `name{labels as JSON}`."""
        return {name: float(value) for name, value in text_fields(self._redis.hgetall(redis_keys.METRICS)).items()}

    def living(self, within: float) -> list[dict[str, str]]:
        """The kind and the gauges of each process that has reported `within` seconds before the last report of all."""
        found = self._redis.zrange(redis_keys.METRICS_PROCESSES, 0, -1, withscores=True)
        newest = max((at for _, at in found), default=0)
        alive = [redis_keys.metrics_process(name.decode()) for name, at in found if at >= newest - within * 1000]
        pipeline = self._redis.pipeline(transaction=False)
        for key in alive:
            pipeline.hgetall(key)
        return [text_fields(fields) for fields in pipeline.execute()]
