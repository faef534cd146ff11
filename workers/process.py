"""A worker process: its parts, and the order in which they start and stop."""

from __future__ import annotations

import gc
import logging

from app import services
from app.config import Settings
from app.metrics.reporter import process_name
from app.state.connection import clients
from app.telemetry import tracing
from app.turns.queue import BACKGROUND, TURNS, open_queue
from app.turns.reaper import Reaper
from workers import runtime
from workers.cancellation import SHUTDOWN, CancelRegistry
from workers.control_listener import ControlListener
from workers.models.llm import Models
from workers.outbox import Outbox
from workers.runtime import Runtime
from workers.thread_worker import ThreadWorker
from workers.usage_settler import UsageSettler

log = logging.getLogger("workers")

LAST_WORDS = 5.0
"""Seconds for stopped turns to write their end."""


class Worker:
    """Runs turns and background jobs from `start` to `stop`."""

    def __init__(self, settings: Settings) -> None:
        """Raises `ConfigError` when aomi.yaml or a tool it names is wrong."""
        self.name = process_name()
        self._settings = settings
        redis = clients.commands(settings, patient=True, timeout=5)
        parts = services.build(settings, redis, queue=clients.queue(settings, redis, patient=True, timeout=5))
        tokens = CancelRegistry()
        self._runtime = Runtime(
            name=self.name,
            services=parts,
            models=Models(parts.catalog, settings),
            outbox=Outbox(parts.runs, lambda run_id: tokens.cancel(run_id, "ended")),
            meter=UsageSettler(parts.ledger, parts.metrics.used),
            control=ControlListener(clients.listening(settings), tokens),
            tokens=tokens,
            tools=runtime.load_tools(parts),
        )
        self._caretaker = Reaper(parts, tokens.turns)
        jobs = clients.blocking(settings)
        self._turns, self._background = (
            ThreadWorker(open_queue(name, jobs), f"{self.name}-{name}", settings.worker_threads, settings.lease)
            for name in (TURNS, BACKGROUND)
        )

    def start(self) -> None:
        """Warm up, then take jobs."""
        for notice in self._runtime.services.catalog.notices:
            log.warning(notice)
        self._runtime.models.start()
        self._runtime.outbox.start()
        self._runtime.meter.start()
        self._runtime.control.start()
        runtime.install(self._runtime)
        gc.collect()
        gc.freeze()  # litellm's 300,000 objects are for good: to look through them stops every stream for 150 ms
        self._caretaker.start()
        self._report()
        for lane in (self._turns, self._background):
            lane.start()

    def _report(self) -> None:
        tokens, slots = self._runtime.tokens, float(self._settings.worker_threads)
        gauges = {"aomi_running_turns": lambda: float(len(tokens.turns())), "aomi_turn_slots": lambda: slots}
        self._runtime.services.reporter.start("worker", gauges)

    def stop(self) -> bool:
        """Take no new job; give background jobs back; let turns finish, then tell them to; close.

        False if a job did not end for all that.
        """
        tokens, grace = self._runtime.tokens, self._settings.grace
        log.info("stopping: running turns may finish within %g s", grace)
        for lane in (self._turns, self._background):
            lane.refuse()
        tokens.cancel_background(SHUTDOWN)
        ended = self._turns.wait_idle(grace)
        if not ended:
            tokens.cancel_all(SHUTDOWN)
            ended = self._turns.wait_idle(LAST_WORDS)
        ended = self._background.wait_idle(LAST_WORDS) and ended
        for lane in (self._turns, self._background):
            lane.stop()
        self._caretaker.stop()
        self._runtime.outbox.stop()
        self._runtime.meter.stop()
        self._runtime.control.stop()
        self._runtime.models.stop()
        self._runtime.services.reporter.stop()
        tracing.stop()
        log.info("stopped")
        return ended
