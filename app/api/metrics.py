"""`/metrics`: what all processes have counted, for Prometheus. Apps, models and figures: nobody's words or ids.

Any web answers for all of them: what they have counted is summed up in Redis.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from flask import Blueprint, Flask, Response, request
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from app import exact_json
from app.errors import Unauthorized
from app.openapi.declare import page
from app.services import Services
from app.web.current import services

bp = Blueprint("metrics", __name__)

LATELY = 3
"""Intervals after its last report in which a process counts as there; and some seconds, as Redis may have been away."""

SLACK = 5.0

GAUGES = {
    "aomi_open_streams": "Streams that are open in all webs",
    "aomi_running_turns": "Turns that run in all workers",
    "aomi_turn_slots": "Turns that all workers may run at once",
}


def register(app: Flask, parts: Services) -> None:
    """Serve `/metrics`, unless the operator does not want it."""
    if parts.settings.metrics:
        app.register_blueprint(bp)


@bp.get("/metrics")
@page
def show() -> ResponseReturnValue:
    """The metrics of all processes, in the format that the scraper asks for."""
    _check_token()
    parts = services()
    parts.reporter.report()
    registry = CollectorRegistry()
    registry.register(_Everything(parts))
    encode, mimetype = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(registry), content_type=mimetype)


def _check_token() -> None:
    token = services().settings.metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and not hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
        raise Unauthorized("Metrics need a token: send it as Authorization: Bearer ...")


class _Everything(Collector):
    """The sums out of Redis, in the form of this process's own metrics; gauges as of now."""

    def __init__(self, parts: Services) -> None:
        self._parts = parts

    def describe(self) -> list[Metric]:
        """Nothing: to ask twice would read Redis twice."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric. Raises `Unavailable`."""
        totals = self._parts.counters.totals()
        for family in self._parts.metrics.families():
            summed = Metric(family.name, family.documentation, family.type)
            samples = (_sample(name, value) for name, value in totals.items() if name.startswith(family.name))
            summed.samples = sorted((sample for sample in samples if _is_of(family, sample)), key=_place)
            yield summed
        yield from self._gauges()

    def _gauges(self) -> Iterator[Metric]:
        parts = self._parts
        living = parts.counters.living(LATELY * parts.settings.metrics_interval + SLACK)
        for name, words in GAUGES.items():
            yield GaugeMetricFamily(name, words, sum(float(process.get(name, 0)) for process in living))
        processes = GaugeMetricFamily("aomi_processes", "Processes that have reported lately", labels=["kind"])
        for kind in ("web", "worker"):
            processes.add_metric([kind], sum(process.get("kind") == kind for process in living))
        yield processes
        queues = GaugeMetricFamily("aomi_queue_length", "Turns that wait for a worker")
        queues.add_metric([], parts.jobs.waiting())
        yield queues


def _sample(name: str, value: float) -> Sample:
    name, _, labels = name.partition("{")
    return Sample(name, exact_json.loads("{" + labels), value)


def _is_of(family: Metric, sample: Sample) -> bool:
    suffixes = ("_bucket", "_sum", "_count") if family.type == "histogram" else ("_total",)
    return any(sample.name == family.name + suffix for suffix in suffixes)


def _place(sample: Sample) -> tuple[list[tuple[str, str]], bool, float, str]:
    """Buckets of the same labels stand together, rising, and before their sum and count."""
    labels = dict(sample.labels)
    bound = labels.pop("le", "")
    return sorted(labels.items()), not bound, float(bound or 0), sample.name
