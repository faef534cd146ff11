"""An RQ worker that runs its jobs in threads: one such lane for turns, one for background jobs.

RQ models several executions a worker but has no worker of this kind. This one takes a free slot, then a job, and
runs RQ's own `perform_job` in a pool thread; a monitor thread beats the heart of the worker and of its jobs.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from rq import Queue, worker_registration
from rq.exceptions import DequeueTimeout
from rq.executions import Execution
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty
from rq.utils import now
from rq.worker.base import BaseWorker, WorkerStatus

from app.state.connection.clients import Unavailable
from app.turns.queue import MAINTENANCE, ReadableJob

log = logging.getLogger(__name__)


class _Briefly(logging.Filter):
    """That Redis is away is no news worth a traceback: RQ's maintenance tries again by itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true."""
        if record.exc_info and isinstance(record.exc_info[1], Unavailable):
            record.msg, record.exc_info = f"{record.msg}: Redis does not answer", None
        return True


logging.getLogger("rq.worker").addFilter(_Briefly())


class NoDeathPenalty(BaseDeathPenalty):
    """RQ's timeouts rest on signals or cannot break a blocking call; jobs here bound themselves."""

    def setup_death_penalty(self) -> None:
        """Nothing to arm."""

    def cancel_death_penalty(self) -> None:
        """Nothing to disarm."""


class ThreadWorker(BaseWorker):
    """Runs up to `threads` jobs of one queue at once, from `start` to `stop`. Its heart beats twice a `lease`; a worker
    or job that was silent for two of them is dead."""

    death_penalty_class = NoDeathPenalty

    def __init__(self, queue: Queue, name: str, threads: int, lease: float) -> None:
        self._beat_every = lease / 2
        self._life = math.ceil(2 * lease)
        super().__init__(
            [queue],
            name=name,
            connection=queue.connection,
            maintenance_interval=MAINTENANCE,
            worker_ttl=self._life,
            job_monitoring_interval=math.ceil(self._beat_every),
            job_class=ReadableJob,
            log_job_description=False,
            prepare_for_work=False,  # it would ask Redis for our address, which may be away
            serializer=JSONSerializer,
        )
        self.hostname, self.pid = socket.gethostname(), os.getpid()
        self._queue = queue
        self._slots = threading.Semaphore(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=queue.name)
        self._running: set[Any] = set()
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._registered = threading.Event()
        self._threads = [
            threading.Thread(target=self._take_jobs, name=f"aomi {queue.name} queue", daemon=True),
            threading.Thread(target=self._monitor, name=f"aomi {queue.name} monitor", daemon=True),
        ]

    def start(self) -> None:
        """Take jobs from now on, as soon as Redis is there."""
        for thread in self._threads:
            thread.start()

    def refuse(self) -> None:
        """Take no more jobs."""
        self._stopping.set()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no job runs; call `refuse` first. False if some still do after `timeout` seconds."""
        self._threads[0].join()
        return not wait(list(self._running), timeout=timeout).not_done

    def stop(self) -> None:
        """Sign off. Jobs that still run are left behind."""
        self._stopped.set()
        try:
            self.register_death()
        except Unavailable:
            log.warning("Redis does not answer: worker %s could not sign off, and is forgotten in a while", self.name)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """Seconds after which a silent job is taken for dead."""
        return self._life

    def request_stop_execution(self, execution_id: str) -> None:
        """Turns are stopped by `/api/interrupt`, not by RQ's commands."""

    def prepare_execution(self, job: Job) -> Execution:
        """The job is being run, and no longer on its way here: one step, where RQ goes to Redis twice. If Redis is
        away, as soon as it is back."""
        tried: list[Execution] = []
        self._patiently(lambda: self._begin(job, tried))
        return tried[-1]

    def _begin(self, job: Job, tried: list[Execution]) -> None:
        with self.connection.pipeline() as pipeline:
            for earlier in tried:  # its answer was lost; it may be there, and nobody would beat its heart
                self.cleanup_execution(job, pipeline=pipeline, execution=earlier)
            execution = Execution.create(job, self._life, pipeline=pipeline, worker_name=self.name)
            self.executions[execution.id] = execution
            tried.append(execution)
            self.set_state(WorkerStatus.BUSY, pipeline=pipeline)
            job.prepare_for_execution(self.name, pipeline=pipeline)
            pipeline.persist(job.key)
            pipeline.lrem(self._queue.intermediate_queue_key, 1, job.id)
            pipeline.execute()

    def prepare_job_execution(self, job: Job, remove_from_intermediate_queue: bool = False) -> None:
        """See `prepare_execution`."""

    def handle_execution_ended(self, job: Job, queue: Queue, heartbeat_ttl: int) -> None:
        """The job has ended. (RQ's own would beat its heart once more, which fails when Redis is away.)"""
        job.ended_at = now()

    def handle_job_success(
        self, job: Job, queue: Queue, started_job_registry: StartedJobRegistry, execution: Execution
    ) -> None:
        """The job has done its work and leaves nothing behind; if Redis is away, as soon as it is back. (RQ's own would
        fail then, or when a job that was enqueued twice is gone, and run the job again.)"""
        self._patiently(lambda: self._forget(job, execution))

    def _forget(self, job: Job, execution: Execution) -> None:
        with self.connection.pipeline() as pipeline:
            self.increment_successful_job_count(pipeline=pipeline)
            self.cleanup_execution(job, pipeline=pipeline, execution=execution)
            pipeline.delete(job.key, job.execution_registry.key)
            pipeline.execute()

    def _patiently(self, step: Callable[[], None]) -> None:
        """Take the step; while Redis is away, again and again. Raises `Unavailable` once the lane is stopped."""
        while True:
            try:
                return step()
            except Unavailable:
                if self._stopped.wait(0.5):
                    raise

    def _take_jobs(self) -> None:
        while not (self._registered.wait(0.1) or self._stopping.is_set()):
            pass  # a job writes to the worker's hash, which RQ takes for another worker of this name
        while not self._stopping.is_set():
            if not self._slots.acquire(timeout=0.2):
                continue
            try:
                job = self._take()
            except Unavailable as error:
                log.warning(
                    "Redis does not answer (%s): queue %s waits until it does", type(error).__name__, self._queue.name
                )
                self._stopping.wait(0.5)
                job = None
            if job is None:
                self._slots.release()
                continue
            future = self._pool.submit(self._perform, job)
            self._running.add(future)
            future.add_done_callback(self._done)

    def _take(self) -> Job | None:
        try:
            found = self.queue_class.dequeue_any(
                [self._queue], 1, self.connection, self.job_class, self.serializer, self.death_penalty_class
            )
        except DequeueTimeout:
            return None
        if found is None:
            return None
        job: Job = found[0]
        if self._stopping.is_set():
            self._give_back(job)
            return None
        return job

    def _give_back(self, job: Job) -> None:
        """The job has not begun: let it be the next one of another worker."""
        pipeline = self.connection.pipeline()
        pipeline.lrem(self._queue.intermediate_queue_key, 1, job.id)
        self._queue.push_job_id(job.id, pipeline=pipeline, at_front=True)
        pipeline.execute()

    def _perform(self, job: Job) -> None:
        self.perform_job(job, self._queue, self.prepare_execution(job))

    def _done(self, future: Any) -> None:
        self._running.discard(future)
        self._slots.release()

    def _monitor(self) -> None:
        while not self._stopped.is_set():
            try:
                if not self._registered.is_set():
                    self.register_birth()
                    self._registered.set()
                self._beat()
            except Unavailable as error:
                log.warning(
                    "Redis does not answer (%s): %s signs on as soon as it does", type(error).__name__, self.name
                )
            self._stopped.wait(self._beat_every if self._registered.is_set() else 0.5)

    def _beat(self) -> None:
        worker_registration.register(self)  # again each time: a Redis that lost its data forgot this worker
        for execution in list(self.executions.values()):
            self.maintain_heartbeats(execution.job, execution)
        self.heartbeat(self._life)  # last: RQ keeps a worker that has jobs for a minute more, dead or alive
        if self.should_run_maintenance_tasks:
            self.run_maintenance_tasks()
