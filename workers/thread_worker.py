"""An RQ worker that runs its jobs in threads. A worker process has one for turns and one for background jobs.

RQ has several executions per worker in its model, but no worker of this kind. This one waits for a free thread, then
dequeues a job and runs RQ's own `perform_job` in that thread. A monitor thread sends the heartbeats of the worker and
of its jobs.
"""

from __future__ import annotations

import itertools
import logging
import math
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from rq import Queue
from rq.exceptions import DequeueTimeout
from rq.executions import Execution, ExecutionRegistry
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty
from rq.utils import now
from rq.worker.base import BaseWorker, WorkerStatus

from app.background import BackgroundLoop, Backoff
from app.state.connection.clients import Unavailable
from app.turns.queue import MAINTENANCE_SECONDS, TURNS, ReadableJob
from workers import heartbeats

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
"""Pause between attempts while Redis is away."""


_RECORDERS = 4
"""Threads that record the starts of jobs."""

_INDEX_SECONDS = 60
"""For which RQ keeps a worker's index of executions longer than the executions."""


class _OutageFilter(logging.Filter):
    """Logs a Redis outage in one line, without the traceback: RQ's maintenance retries by itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true."""
        if record.exc_info and isinstance(record.exc_info[1], Unavailable):
            record.msg, record.exc_info = f"{record.msg}: Redis does not answer", None
        return True


logging.getLogger("rq.worker").addFilter(_OutageFilter())


class NoDeathPenalty(BaseDeathPenalty):
    """RQ's timeouts use signals or cannot interrupt a blocking call. Jobs have timeouts of their own."""

    def setup_death_penalty(self) -> None:
        """Does nothing."""

    def cancel_death_penalty(self) -> None:
        """Does nothing."""


@dataclass(frozen=True)
class JobLimit:
    """A worker takes `most` jobs (0 is no limit), and calls `reached` when all of them have ended."""

    most: int
    reached: Callable[[], object]


NO_LIMIT = JobLimit(0, lambda: None)


class ThreadWorker(BaseWorker):
    """Runs up to `threads` jobs of one queue at once, from `start` to `stop`. It sends two heartbeats per `lease`
    seconds; RQ takes a worker or job without a heartbeat for two leases for dead."""

    death_penalty_class = NoDeathPenalty

    def __init__(self, queue: Queue, name: str, threads: int, lease: float, limit: JobLimit = NO_LIMIT) -> None:
        self._heartbeat_interval = lease / 2
        self._heartbeat_ttl = math.ceil(2 * lease)
        super().__init__(
            [queue],
            name=name,
            connection=queue.connection,
            maintenance_interval=MAINTENANCE_SECONDS,
            worker_ttl=self._heartbeat_ttl,
            job_monitoring_interval=math.ceil(self._heartbeat_interval),
            job_class=ReadableJob,
            log_job_description=False,
            prepare_for_work=False,  # asks Redis for our address, and Redis may be away
            serializer=JSONSerializer,
        )
        self.hostname, self.pid = socket.gethostname(), os.getpid()
        self._queue = queue
        self._free_threads = threading.Semaphore(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=queue.name)
        self._recorder = ThreadPoolExecutor(_RECORDERS, thread_name_prefix=f"{queue.name}-records")
        self._own = threading.local()
        """Of a job's thread: the future `recorded` of its start. A turn does not wait for it: it has a claim."""
        self._running: set[Any] = set()
        self._limit = limit
        self._taken, self._ended = itertools.count(1), itertools.count(1)
        self._stopped = threading.Event()
        self._registered = threading.Event()
        self._job_backoff = Backoff(f"{queue.name} jobs", Unavailable, RETRY_SECONDS, RETRY_SECONDS)
        self._dequeuing = BackgroundLoop(
            self._dequeue_job, Backoff(f"{queue.name} queue", Unavailable, RETRY_SECONDS, RETRY_SECONDS)
        )
        self._monitor = BackgroundLoop(
            self._register_and_send_heartbeats,
            Backoff(f"{queue.name} monitor", Unavailable, RETRY_SECONDS, RETRY_SECONDS),
            self._heartbeat_interval,
        )

    def start(self) -> None:
        """Start to dequeue jobs, as soon as Redis replies."""
        self._dequeuing.start()
        self._monitor.start(first_pause=0)

    def stop_dequeuing(self) -> None:
        """Dequeue no more jobs."""
        self._dequeuing.request_stop()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no job runs; call `stop_dequeuing` first. False if some still run after `timeout` seconds."""
        self._dequeuing.join()
        return not wait(list(self._running), timeout=timeout).not_done

    def stop(self) -> None:
        """Unregister the worker. Jobs that still run are left behind."""
        self._stopped.set()
        self._monitor.request_stop()
        try:
            self.register_death()
        except Unavailable:
            log.warning("Redis does not answer: worker %s is not unregistered, and expires by itself", self.name)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """Seconds without a heartbeat after which a job counts as dead."""
        return self._heartbeat_ttl

    def request_stop_execution(self, execution_id: str) -> None:
        """Turns are stopped by `/api/interrupt`, not by RQ's commands."""

    def _record_start(self, job: Job, execution: Execution) -> int:
        """Move the job from the intermediate queue to the execution: one round trip, where RQ makes two. Retries until
        Redis replies. Returns how many executions the job has now; those of a dead worker go when RQ puts its job back.
        """
        return self._job_backoff.retry(lambda: self._try_record_start(job, execution), self._stopped)

    def _try_record_start(self, job: Job, execution: Execution) -> int:
        ttl = self._heartbeat_ttl
        with self.connection.pipeline() as pipeline:
            execution.save(ttl, pipeline)
            ExecutionRegistry(job.id, connection=pipeline).add(execution, ttl, pipeline)
            job.started_job_registry.add_execution(execution, pipeline, ttl)
            pipeline.sadd(execution.worker_executions_key, execution.composite_key)
            pipeline.expire(execution.worker_executions_key, ttl + _INDEX_SECONDS)
            self.executions[execution.id] = execution
            self.set_state(WorkerStatus.BUSY, pipeline=pipeline)
            job.prepare_for_execution(self.name, pipeline=pipeline)
            pipeline.persist(job.key)
            pipeline.lrem(self._queue.intermediate_queue_key, 1, job.id)
            pipeline.zcard(job.execution_registry.key)
            return int(pipeline.execute()[-1])

    def _drop_execution(self, job: Job, execution: Execution) -> None:
        with self.connection.pipeline() as pipeline:
            self.cleanup_execution(job, pipeline=pipeline, execution=execution)
            pipeline.execute()

    def prepare_job_execution(self, job: Job, remove_from_intermediate_queue: bool = False) -> None:
        """See `_record_start`."""

    def handle_execution_ended(self, job: Job, queue: Queue, heartbeat_ttl: int) -> None:
        """The job has ended, perhaps before its start was recorded. (RQ's own sends one more heartbeat, which fails
        when Redis is away.)"""
        self._own.recorded.result()
        job.ended_at = now()

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Log a job that failed. (RQ's own line has the messages of the exceptions, which may quote anything.)"""
        log.error("job %s failed", job.id, exc_info=exc_info[1])

    def handle_job_success(
        self, job: Job, queue: Queue, started_job_registry: StartedJobRegistry, execution: Execution
    ) -> None:
        """The job has succeeded: remove it. Retries until Redis replies. (RQ's own fails then, or when a job that was
        enqueued twice is gone, and runs the job again.)"""
        self._job_backoff.retry(lambda: self._remove_job(job, execution), self._stopped)

    def _remove_job(self, job: Job, execution: Execution) -> None:
        with self.connection.pipeline() as pipeline:
            self.increment_successful_job_count(pipeline=pipeline)
            self.cleanup_execution(job, pipeline=pipeline, execution=execution)
            pipeline.delete(job.key, job.execution_registry.key)
            pipeline.execute()

    def _dequeue_job(self) -> None:
        """Run a job if one comes within a second or so."""
        if not self._registered.wait(0.1):
            return  # a job writes to the worker's hash; if that exists at registration, RQ reports a name conflict
        if not self._free_threads.acquire(timeout=0.2):
            return
        job = None
        try:
            job = self._dequeue()
        finally:
            if job is None:
                self._free_threads.release()
        if job is not None:
            if next(self._taken) == self._limit.most:
                self.stop_dequeuing()
            future = self._pool.submit(self._perform, job)
            self._running.add(future)
            future.add_done_callback(self._done)

    def _dequeue(self) -> Job | None:
        try:
            dequeued = self.queue_class.dequeue_any(
                [self._queue], 1, self.connection, self.job_class, self.serializer, self.death_penalty_class
            )
        except DequeueTimeout:
            return None
        if dequeued is None:
            return None
        job: Job = dequeued[0]
        if self._dequeuing.stopping:
            self._requeue(job)
            return None
        return job

    def _requeue(self, job: Job) -> None:
        """Put a job that has not begun back to the front of the queue."""
        pipeline = self.connection.pipeline()
        pipeline.lrem(self._queue.intermediate_queue_key, 1, job.id)
        self._queue.push_job_id(job.id, pipeline=pipeline, at_front=True)
        pipeline.execute()

    def _perform(self, job: Job) -> None:
        execution = Execution(uuid4().hex, job.id, self.connection, self.name)
        self._own.recorded = recorded = self._recorder.submit(self._record_start, job, execution)
        if self._queue.name != TURNS and recorded.result() > 1:  # it is on the queue twice, and runs already
            self._job_backoff.retry(lambda: self._drop_execution(job, execution), self._stopped)
            return
        self.perform_job(job, self._queue, execution)

    def _done(self, future: Any) -> None:
        self._running.discard(future)
        self._free_threads.release()
        if next(self._ended) == self._limit.most:
            self._limit.reached()

    def _register_and_send_heartbeats(self) -> None:
        if not self._registered.is_set():
            self.register_birth()
            self._registered.set()
        heartbeats.send(self, list(self.executions.values()), self._heartbeat_ttl)
        if self.should_run_maintenance_tasks:
            self.run_maintenance_tasks()
