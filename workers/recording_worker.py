"""An RQ worker that records the start and the end of a job in one round trip each, and retries while Redis is away."""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
from typing import Any
from uuid import uuid4

from rq import Queue
from rq.executions import Execution, ExecutionRegistry
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty
from rq.utils import now
from rq.worker.base import BaseWorker, WorkerStatus

from app.background import Backoff
from app.state.connection.clients import Unavailable
from app.turns.rq_queue import MAINTENANCE_SECONDS, OwnQueue, ReadableJob

log = logging.getLogger(__name__)


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


RETRY_SECONDS = 0.5
"""Pause between attempts while Redis is away."""

_INDEX_SECONDS = 60
"""For which RQ keeps a worker's index of executions longer than the executions."""


class RecordingWorker(BaseWorker):
    """Of one queue. It sends two heartbeats per `lease` seconds; RQ takes a worker or job without a heartbeat for two
    leases for dead."""

    death_penalty_class = NoDeathPenalty

    def __init__(self, queue: OwnQueue, name: str, lease: float) -> None:
        self._heartbeat_ttl = math.ceil(2 * lease)
        super().__init__(
            [queue],
            name=name,
            connection=queue.connection,
            maintenance_interval=MAINTENANCE_SECONDS,
            worker_ttl=self._heartbeat_ttl,
            job_monitoring_interval=math.ceil(lease / 2),
            job_class=ReadableJob,
            log_job_description=False,
            prepare_for_work=False,  # asks Redis for our address, and Redis may be away
            serializer=JSONSerializer,
        )
        self.hostname, self.pid = socket.gethostname(), os.getpid()
        self._queue = queue
        self._stopped = threading.Event()
        self._job_backoff = Backoff(f"{queue.name} jobs", Unavailable, RETRY_SECONDS, RETRY_SECONDS)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """Seconds without a heartbeat after which a job counts as dead."""
        return self._heartbeat_ttl

    def request_stop_execution(self, execution_id: str) -> None:
        """Turns are stopped by `/api/interrupt`, not by RQ's commands."""

    def begin(self, job: Job) -> Execution | None:
        """Record that the job starts. None if it must not run, because it is on the queue twice and runs already."""
        execution = Execution(uuid4().hex, job.id, self.connection, self.name)
        execution._job = job  # as RQ's own: a heartbeat would read it, and it may be gone
        if self._job_backoff.retry(lambda: self._record_start(job, execution), self._stopped) == 1:
            return execution
        self._job_backoff.retry(lambda: self._drop_execution(job, execution), self._stopped)
        return None

    def _record_start(self, job: Job, execution: Execution) -> int:
        """Move the job from the intermediate queue to the execution: one round trip, where RQ makes two. Returns how
        many executions the job has now; those of a dead worker go when RQ puts its job back."""
        ttl = self._heartbeat_ttl
        with self.connection.pipeline() as pipeline:
            execution.save(ttl, pipeline)
            ExecutionRegistry(job.id, connection=pipeline).add(execution, ttl, pipeline)
            job.started_job_registry.add_execution(execution, pipeline, ttl)
            pipeline.sadd(execution.worker_executions_key, execution.composite_key)
            pipeline.expire(execution.worker_executions_key, ttl + _INDEX_SECONDS)
            self.executions[execution.id] = execution
            self.set_state(WorkerStatus.BUSY, pipeline=pipeline)
            self._limit_life(pipeline)
            job.save(pipeline)  # its session may be deleted, and its hash with it: it must not come back in part
            job.prepare_for_execution(self.name, pipeline=pipeline)
            pipeline.persist(job.key)
            pipeline.lrem(self._queue.intermediate_queue_key, 1, job.id)
            pipeline.zcard(job.execution_registry.key)
            return int(pipeline.execute()[-1])

    def _limit_life(self, pipeline: Any) -> None:
        """The hash of the worker may be new: its heartbeat was late, or Redis has lost it. It must expire also if the
        worker dies now."""
        pipeline.expire(self.key, self._heartbeat_ttl)

    def _drop_execution(self, job: Job, execution: Execution) -> None:
        with self.connection.pipeline() as pipeline:
            self.cleanup_execution(job, pipeline=pipeline, execution=execution)
            pipeline.execute()

    def prepare_job_execution(self, job: Job, remove_from_intermediate_queue: bool = False) -> None:
        """See `begin`."""

    def handle_execution_ended(self, job: Job, queue: Queue, heartbeat_ttl: int) -> None:
        """The job has ended. (RQ's own sends one more heartbeat, which fails when Redis is away.)"""
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
            self._limit_life(pipeline)
            self.cleanup_execution(job, pipeline=pipeline, execution=execution)
            pipeline.delete(job.key, job.execution_registry.key)
            pipeline.execute()
