"""The counters and histograms of this process. Labels have few values: apps, models, ends, errors; never a session.

Everything is counted once a turn, a model call or a request; a piece of text costs a read of the clock.
`app.metrics.reporter` adds the counts to the sums of all processes in Redis.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from app import background, exact_json
from app.events import sse
from app.state.conversation.feedback import Feedback
from app.state.turns.run_records import Run
from app.usage import Charge

FAST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
"""Histogram bounds in seconds, for what takes milliseconds."""

SLOW_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 900)
"""Histogram bounds in seconds, for models and queues."""

LAG_SAMPLE_SECONDS = 0.1
"""Minimum time between two samples of the relay's lag."""


class Metrics:
    """The counts of one process since its start. `now` is the clock by which other processes note times."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._registry = registry = CollectorRegistry()
        of_turns = ("app", "model")
        self._turns = Counter("aomi_turns", "Turns by their end", (*of_turns, "end", "code"), registry=registry)
        self._first = Histogram(
            "aomi_first_token_seconds",
            "From when a turn could run to its first event",
            of_turns,
            buckets=SLOW_BUCKETS,
            registry=registry,
        )
        self._whole = Histogram(
            "aomi_turn_seconds",
            "From when a turn could run to its end",
            of_turns,
            buckets=SLOW_BUCKETS,
            registry=registry,
        )
        self._wait = Histogram(
            "aomi_queue_wait_seconds",
            "From when a turn could run to when a worker began it",
            buckets=(*FAST_BUCKETS[2:], 30, 60, 300),
            registry=registry,
        )
        self._interrupt = Histogram(
            "aomi_interrupt_seconds",
            "From an interrupt to when the worker of its turn had let go of it",
            buckets=FAST_BUCKETS,
            registry=registry,
        )
        self._lag = Histogram(
            "aomi_relay_lag_seconds",
            "From a worker's flush to a stream's reader in a web process, at most ten samples a second",
            buckets=FAST_BUCKETS,
            registry=registry,
        )
        self._tokens = Counter(
            "aomi_tokens", "Tokens as providers count them, or estimated", ("model", "kind"), registry=registry
        )
        self._provider = Counter(
            "aomi_provider_errors", "Model calls that failed, tries included", ("model", "error"), registry=registry
        )
        self._feedback = Counter(
            "aomi_feedback", "Feedback on replies, given, changed or taken back", ("app", "rating"), registry=registry
        )
        self._requests = Counter(
            "aomi_http_requests", "Requests that were answered", ("method", "route", "status"), registry=registry
        )
        self._webhooks = Counter(
            "aomi_webhook_attempts",
            "Attempts to send a message to the receiver of an app",
            ("app", "result"),
            registry=registry,
        )
        registry.register(_LoopFailures())
        self._next_lag = 0.0

    def began(self, run: Run) -> None:
        """A worker has begun a turn."""
        _observe(self._wait, run.times, "current_at", "started_at")

    def ended(self, run: Run, terminal: sse.Event) -> None:
        """A turn has ended. Call it once for each turn, with the run that `seal` returned."""
        end = "awaiting" if terminal.get("awaiting") else sse.outcome(terminal)
        self._turns.labels(run.app, run.model, end, terminal.get("code", "")).inc()
        _observe(self._first.labels(run.app, run.model), run.times, "current_at", "first_at")
        _observe(self._whole.labels(run.app, run.model), run.times, "current_at", "ended_at")

    def let_go(self, run: Run | None) -> None:
        """The worker of a turn that another process has ended has let go of it."""
        if run and run.outcome == "interrupted":
            self._interrupt.observe(self._since(run.times["ended_at"]))

    def used(self, charge: Charge) -> None:
        """A model call was settled."""
        self.tokens(charge.model, charge.usage.input, charge.usage.output)

    def tokens(self, model: str, read: int, written: int) -> None:
        """A model call has read and written this many tokens."""
        self._tokens.labels(model, "input").inc(read)
        self._tokens.labels(model, "output").inc(written)

    def provider_failed(self, model: str, error: str) -> None:
        """A model call failed with an error of this class."""
        self._provider.labels(model, error).inc()

    def webhook_sent(self, app: str, result: str) -> None:
        """An attempt to send a message was `delivered`, or `failed`, or failed as the last one (`given_up`)."""
        self._webhooks.labels(app, result).inc()

    def rated(self, app: str, feedback: Feedback) -> None:
        """Somebody has given or changed feedback on a reply, or has taken it back."""
        kind = feedback.rating or ("other" if feedback.stored() else "taken_back")
        self._feedback.labels(app, kind).inc()

    def relayed(self, published_at: bytes) -> None:
        """A stream's reader has received what was published then. At most ten samples a second are taken."""
        now = time.monotonic()
        if published_at and now >= self._next_lag:
            self._next_lag = now + LAG_SAMPLE_SECONDS
            self._lag.observe(self._since(published_at.decode()))

    def answered(self, method: str, route: str, status: int) -> None:
        """A response was sent."""
        self._requests.labels(method, route, str(status)).inc()

    def families(self) -> list[Metric]:
        """Every metric with the values of this process."""
        return list(self._registry.collect())

    def _since(self, moment: str) -> float:
        return max(0.0, (self._now() - datetime.fromisoformat(moment)).total_seconds())

    def counts(self) -> dict[str, float]:
        """The counts of this process, by `name{labels as JSON}`."""
        return dict(_samples(self.families()))


class _LoopFailures(Collector):
    """The failures that `app.background` has counted in this process."""

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "aomi_loop_failures", "Failed attempts of background threads, which are retried", labels=("loop",)
        )
        for loop, count in background.failure_counts().items():
            family.add_metric((loop,), count)
        yield family


def _samples(families: list[Metric]) -> Iterator[tuple[str, float]]:
    for family in families:
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                yield sample.name + exact_json.dumps(sample.labels), sample.value


def _observe(histogram: Histogram, times: Mapping[str, str], start: str, end: str) -> None:
    """Does nothing when a turn did not get that far; not below 0, though two processes know Redis's time
    to a round trip only."""
    if times.get(start) and times.get(end):
        took = datetime.fromisoformat(times[end]) - datetime.fromisoformat(times[start])
        histogram.observe(max(0.0, took.total_seconds()))
