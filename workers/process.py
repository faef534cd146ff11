"""A worker process: its components, and the order in which they start and stop."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable

from app import services
from app.background import BackgroundLoop, Backoff, broken_loops
from app.config import Settings
from app.metrics.reporter import process_name
from app.reloading.watcher import ReloadWatcher
from app.state.connection import clients
from app.state.connection.clients import Unavailable
from app.state.connection.pubsub import PubSubListener
from app.state.model_abilities import REPORT_SECONDS
from app.state.reloads import ProcessReport
from app.telemetry import tracing
from app.turns.rq_queue import BACKGROUND, TURNS, open_queue
from workers import queue_clock, runtime
from workers.cancellation import ENDED_ELSEWHERE, SHUTDOWN, CancelRegistry
from workers.control_listener import ControlListener
from workers.models.models import Models
from workers.outbox import Outbox
from workers.reloading import Preparation, checked_models, mcp_servers
from workers.running_turns import RunningTurns
from workers.runtime import Runtime
from workers.thread_worker import JobLimit, ThreadWorker
from workers.tools import of_apps
from workers.tools.async_loop import ToolLoop
from workers.turn_worker import TurnWorker
from workers.usage_settler import UsageSettler
from workers.webhooks.sender import WebhookSender

log = logging.getLogger("workers")

END_TURNS_SECONDS = 5.0
"""How long turns that were told to stop may take to write their terminal event."""


LOOP_CHECK_SECONDS = 5.0


class LoopBroken(Exception):
    """A background loop stays broken: a new process may repair what this one cannot."""


def _check_loops() -> None:
    """Raises `LoopBroken`, which ends the worker. An outage of Redis does not: workers wait until it is over."""
    if broken := broken_loops(except_outages=True):
        raise LoopBroken(", ".join(broken))


class Worker:
    """Runs turns and background jobs from `start` to `stop`."""

    def __init__(self, settings: Settings, request_exit: Callable[[], object]) -> None:
        """`request_exit` is called once the worker has run AOMI_WORKER_TURNS turns.

        Raises `ConfigError` when aomi.yaml or a tool it names is wrong."""
        self.name = process_name()
        self._settings = settings
        redis = clients.commands(settings, retry_forever=True, timeout=5)
        shared = services.build(settings, redis, queue=clients.queue(settings, redis, retry_forever=True, timeout=5))
        self._doubts = checked_models(shared.catalog)
        cancel_tokens, running_turns = CancelRegistry(), RunningTurns()
        self._tool_loop = ToolLoop(settings.tool_timeout)
        listener = PubSubListener(clients.listening(settings), settings.redis_prefix)
        models = Models(shared.catalog, settings)
        self._runtime = Runtime(
            worker_name=self.name,
            services=shared,
            models=models,
            outbox=Outbox(shared.runs, lambda run_id: cancel_tokens.cancel(run_id, ENDED_ELSEWHERE), models.pace),
            usage_settler=UsageSettler(shared.ledger, shared.metrics.used),
            control=ControlListener(listener, cancel_tokens),
            cancel_tokens=cancel_tokens,
            running_turns=running_turns,
            tools=of_apps.load_all(shared.catalog, self._tool_loop),
            mcp_servers=mcp_servers(shared.catalog, settings),
        )
        self._reaper = shared.reaper(running_turns.all)
        self._webhook_sender = WebhookSender(shared)
        self._loop_check = BackgroundLoop(_check_loops, Backoff("loop check", ()), LOOP_CHECK_SECONDS)
        self._abilities_report = BackgroundLoop(
            self._report_abilities, Backoff("report of the models' abilities", Unavailable), REPORT_SECONDS
        )
        me = ProcessReport(self.name, "worker", shared.catalog.digest)
        preparation = Preparation(settings, self._tool_loop, self._report_abilities)
        self.watcher = ReloadWatcher(shared.reloads, me, settings.config, preparation, runtime.tool_digests)
        self._request_exit = request_exit
        blocking, threads, lease = clients.blocking(settings), settings.worker_threads, settings.lease
        limit = JobLimit(settings.worker_turns, self._recycle)
        turns, background = (open_queue(name, blocking, settings.failed_job_ttl) for name in (TURNS, BACKGROUND))
        taking = shared.runs.taking if shared.jobs.beside_state() else None
        self._turns = TurnWorker(turns, f"{self.name}-{TURNS}", threads, lease, limit, taking=taking)
        self._background = ThreadWorker(background, f"{self.name}-{BACKGROUND}", threads, lease)

    def start(self) -> None:
        """Warm up, then take jobs."""
        for notice in (*self._runtime.services.catalog.notices, *self._doubts):
            log.warning(notice)
        self._runtime.models.start()
        self._runtime.outbox.start()
        self._runtime.usage_settler.start()
        self._runtime.control.start()
        if self._runtime.mcp_servers:
            self._runtime.mcp_servers.start()
        runtime.install(self._runtime)
        queue_clock.install(self._runtime.services.clock.now)
        gc.collect()
        gc.freeze()  # litellm's 300,000 objects live for ever: to collect them stops all streams for 150 ms
        gc.set_threshold(20_000, 20, 10)  # a turn makes thousands of objects, few of them in cycles: docs/scaling.md
        self._reaper.start()
        self._webhook_sender.start()
        self._loop_check.start()
        self._abilities_report.start(first_pause=0)
        self.watcher.start()
        self._start_reporter()
        for thread_worker in (self._turns, self._background):
            thread_worker.start()

    def _start_reporter(self) -> None:
        running_turns, threads = self._runtime.running_turns, float(self._settings.worker_threads)
        gauges = {"aomi_running_turns": lambda: float(len(running_turns.all())), "aomi_turn_slots": lambda: threads}
        self._runtime.services.reporter.start("worker", gauges)

    def _report_abilities(self) -> None:
        self._runtime.services.model_abilities.report(runtime.current().models.abilities())

    def _recycle(self) -> None:
        log.info("this worker has run %d turns (AOMI_WORKER_TURNS) and exits", self._settings.worker_turns)
        self._request_exit()

    def stop(self) -> bool:
        """Stop to dequeue; requeue background jobs; let turns finish within AOMI_GRACE, then cancel them; close.

        False if a job still runs after that.
        """
        cancel_tokens, grace = self._runtime.cancel_tokens, self._settings.grace
        log.info("stopping: running turns may finish within %g s", grace)
        for thread_worker in (self._turns, self._background):
            thread_worker.stop_dequeuing()
        self.watcher.stop()  # before it returns jobs: nobody waits for a worker that takes none
        cancel_tokens.cancel_background(SHUTDOWN)
        ended = self._turns.wait_idle(grace)
        if not ended:
            cancel_tokens.cancel_all(SHUTDOWN)
            ended = self._turns.wait_idle(END_TURNS_SECONDS)
        ended = self._background.wait_idle(END_TURNS_SECONDS) and ended
        for thread_worker in (self._turns, self._background):
            thread_worker.stop()
        self._loop_check.stop()
        self._abilities_report.stop()
        self._webhook_sender.stop()
        self._reaper.stop()
        self._runtime.outbox.stop()
        self._runtime.usage_settler.stop()
        self._runtime.control.stop()
        self._runtime.models.stop()
        self._tool_loop.stop()
        if servers := runtime.current().mcp_servers:
            servers.stop()
        self._runtime.services.reporter.stop()
        tracing.stop()
        log.info("stopped")
        return ended
