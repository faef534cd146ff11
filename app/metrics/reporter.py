"""Each process brings what it has counted to Redis every few seconds, and at its end: whoever is asked for /metrics
knows the sums of all, and a process that goes away takes nothing with it. One that is killed takes its last seconds."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping

from app.metrics.instruments import Metrics
from app.state.connection.clients import Unavailable
from app.state.counters import Counters, Report

log = logging.getLogger(__name__)

Gauges = Mapping[str, Callable[[], float]]
"""What a process shows of itself, by the name of the metric."""


def process_name() -> str:
    """A name of this process that no other one gets: a container's pid comes again."""
    return f"{socket.gethostname()}-{os.getpid()}-{os.urandom(2).hex()}"


class Reporter:
    """One thread a process, every `interval` seconds; None is never."""

    def __init__(self, metrics: Metrics, counters: Counters, interval: float | None) -> None:
        self._metrics = metrics
        self._counters = counters
        self._interval = interval
        self._who: tuple[str, str] | None = None
        self._gauges: Gauges = {}
        self._told: dict[str, float] = {}
        self._unsure: Report | None = None
        self._number = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="aomi metrics", daemon=True)

    def start(self, kind: str, gauges: Gauges) -> None:
        """Begin to report as a process of this kind: web or worker. Nothing where the settings have no `interval`."""
        if self._interval is None:
            return
        self._who, self._gauges = (kind, process_name()), gauges
        self._thread.start()

    def stop(self) -> None:
        """Report a last time."""
        self._stopped.set()
        if self._who:
            self._thread.join(timeout=2)

    def report(self) -> None:
        """Bring what was counted to Redis; nothing before `start`. Raises `Unavailable`: then it is brought again."""
        with self._lock:
            if self._who is None:
                return
            self._unsure = self._unsure or self._next(*self._who)
            self._counters.add(self._unsure)
            self._unsure = None

    def _next(self, kind: str, name: str) -> Report:
        counts = self._metrics.counts()
        changed = {sample: value - self._told.get(sample, 0) for sample, value in counts.items()}
        counted = {sample: change for sample, change in changed.items() if change or sample not in self._told}
        self._told = counts
        self._number += 1
        return Report(name, kind, self._number, counted, {gauge: show() for gauge, show in self._gauges.items()})

    def _work(self) -> None:
        while not self._stopped.wait(self._interval):
            self._try()
        self._try()

    def _try(self) -> None:
        try:
            self.report()
        except Unavailable as error:
            log.debug("Redis does not answer (%s): counts wait until it does", type(error).__name__)
