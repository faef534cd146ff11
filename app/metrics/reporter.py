"""The reporter: each process adds its counts to the sums in Redis every few seconds, and when it ends. So any process
can serve /metrics for all, and no counts are lost when a process ends; a killed one loses those of its last seconds."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping

from app.background import BackgroundLoop, Backoff
from app.metrics.instruments import Metrics
from app.state.accounts.counters import Counters, Report
from app.state.connection.clients import Unavailable

Gauges = Mapping[str, Callable[[], float]]
"""Functions that return the current value of a process's gauges, by the name of the metric."""


def process_name() -> str:
    """A unique name of this process. (In containers, pids repeat.)"""
    return f"{socket.gethostname()}-{os.getpid()}-{os.urandom(2).hex()}"


class Reporter:
    """One thread a process, which reports every `interval` seconds; None turns it off."""

    def __init__(self, metrics: Metrics, counters: Counters, interval: float | None) -> None:
        self._metrics = metrics
        self._counters = counters
        self._interval = interval
        self._identity: tuple[str, str] | None = None
        self._gauges: Gauges = {}
        self._reported: dict[str, float] = {}
        self._pending: Report | None = None
        self._number = 0
        self._lock = threading.Lock()
        pause = interval or 0.0
        backoff = Backoff("metrics", Unavailable, pause, pause)
        self._loop = BackgroundLoop(self.report, backoff, pause, final=self.report)

    def start(self, kind: str, gauges: Gauges) -> None:
        """Start to report as a process of this kind: web or worker. Does nothing without an `interval`."""
        if self._interval is None:
            return
        self._identity, self._gauges = (kind, process_name()), gauges
        self._loop.start()

    def stop(self) -> None:
        """Report a last time and end the thread."""
        self._loop.stop(timeout=2)

    def report(self) -> None:
        """Add new counts to Redis; nothing before `start`. Raises `Unavailable`; the next call sends the same report
        again."""
        with self._lock:
            if self._identity is None:
                return
            self._pending = self._pending or self._next(*self._identity)
            self._counters.add(self._pending)
            self._pending = None

    def _next(self, kind: str, name: str) -> Report:
        counts = self._metrics.counts()
        changes = {sample: value - self._reported.get(sample, 0) for sample, value in counts.items()}
        counted = {sample: change for sample, change in changes.items() if change or sample not in self._reported}
        self._reported = counts
        self._number += 1
        return Report(name, kind, self._number, counted, {gauge: show() for gauge, show in self._gauges.items()})
