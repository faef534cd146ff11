"""`/metrics`: the metrics of all processes, for Prometheus. Apps, models and numbers; no text and no ids of people.

Any web process serves them for all processes, because the sums are in Redis.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from app import exact_json
from app.errors import Unauthorized
from app.metrics.instruments import Metrics
from app.openapi.declare import page
from app.state.accounts.counters import Counters
from app.turns.queue import Jobs
from app.web.current import services

bp = Blueprint("metrics", __name__)

LIVE_INTERVALS = 3
"""A process counts as live for this many report intervals after its last report, plus `LIVE_SLACK_SECONDS`."""

LIVE_SLACK_SECONDS = 5.0
"""For reports that were late because Redis was unavailable."""

GAUGES = {
    "aomi_open_streams": "Streams that are open in all web processes",
    "aomi_running_turns": "Turns that run in all workers",
    "aomi_turn_slots": "Turns that all workers may run at once",
}


@bp.get("/metrics")
@page
def show() -> ResponseReturnValue:
    """The metrics of all processes, in the format that the scraper accepts."""
    _check_token()
    services().reporter.report()
    registry = CollectorRegistry()
    live_seconds = LIVE_INTERVALS * services().settings.metrics_interval + LIVE_SLACK_SECONDS
    registry.register(_Sums(services().metrics, services().counters, services().jobs, live_seconds))
    encode, mimetype = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(registry), content_type=mimetype)


def _check_token() -> None:
    token = services().settings.metrics_token
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and not hmac.compare_digest(sent.encode(), token.get_secret_value().encode()):
        raise Unauthorized("Metrics need a token: send it as Authorization: Bearer ...")


@dataclass(frozen=True, eq=False)
class _Sums(Collector):
    """The sums in Redis, in the form of this process's own metrics, and gauges as of now."""

    metrics: Metrics
    counters: Counters
    jobs: Jobs
    live_seconds: float

    def describe(self) -> list[Metric]:
        """Nothing, so that the registry does not read Redis a second time."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric. Raises `Unavailable`."""
        totals = self.counters.totals()
        for family in self.metrics.families():
            summed = Metric(family.name, family.documentation, family.type)
            samples = (_sample(name, value) for name, value in totals.items() if name.startswith(family.name))
            summed.samples = sorted((sample for sample in samples if _is_of(family, sample)), key=_sort_key)
            yield summed
        yield from self._gauges()

    def _gauges(self) -> Iterator[Metric]:
        live = self.counters.living(self.live_seconds)
        for name, documentation in GAUGES.items():
            yield GaugeMetricFamily(name, documentation, sum(float(process.get(name, 0)) for process in live))
        processes = GaugeMetricFamily("aomi_processes", "Processes that have reported lately", labels=["kind"])
        for kind in ("web", "worker"):
            processes.add_metric([kind], sum(process.get("kind") == kind for process in live))
        yield processes
        queues = GaugeMetricFamily("aomi_queue_length", "Turns that wait for a worker")
        queues.add_metric([], self.jobs.waiting())
        yield queues


def _sample(name: str, value: float) -> Sample:
    name, _, labels = name.partition("{")
    return Sample(name, exact_json.loads("{" + labels), value)


def _is_of(family: Metric, sample: Sample) -> bool:
    suffixes = ("_bucket", "_sum", "_count") if family.type == "histogram" else ("_total",)
    return any(sample.name == family.name + suffix for suffix in suffixes)


def _sort_key(sample: Sample) -> tuple[list[tuple[str, str]], bool, float, str]:
    """Buckets with the same labels come together, in rising order, before their sum and count."""
    labels = dict(sample.labels)
    bound = labels.pop("le", "")
    return sorted(labels.items()), not bound, float(bound or 0), sample.name
