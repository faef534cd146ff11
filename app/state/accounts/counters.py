"""The sums of what all processes have counted, and the gauges of each live process: open streams, running turns.

A process adds what it has counted since its last report; a sum never goes down when a process ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.state import redis_keys
from app.state.pairs import text_fields, to_pairs
from app.state.scripts import Store


@dataclass(frozen=True)
class Report:
    """The counts of a process of a `kind` (web, worker) since report `number` - 1, and its gauges."""

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
        self._settings = store.settings

    def add(self, report: Report) -> None:
        """Add what a process has counted. A report that is sent again, because the reply was lost, counts once."""
        keys = [redis_keys.METRICS, redis_keys.METRICS_PROCESSES, redis_keys.metrics_process(report.process)]
        args = {
            "process": report.process,
            "number": report.number,
            "gauges": to_pairs({"kind": report.kind, **report.gauges}),
            "counted": to_pairs(report.counted),
            "sums_ttl": self._settings.metrics_ttl,
            "process_ttl": self._settings.metrics_process_ttl,
        }
        self._store.call("add_metrics", keys, args)

    def totals(self) -> dict[str, float]:
        """The sums, by `name{labels as JSON}`."""
        return {name: float(value) for name, value in text_fields(self._redis.hgetall(redis_keys.METRICS)).items()}

    def living(self, within: float) -> list[dict[str, str]]:
        """The kind and the gauges of each process whose last report came at most `within` seconds before the last one
        of all."""
        processes = self._redis.zrange(redis_keys.METRICS_PROCESSES, 0, -1, withscores=True)
        newest = max((at for _, at in processes), default=0)
        alive = [redis_keys.metrics_process(name.decode()) for name, at in processes if at >= newest - within * 1000]
        pipeline = self._redis.pipeline(transaction=False)
        for key in alive:
            pipeline.hgetall(key)
        return [text_fields(fields) for fields in pipeline.execute()]
