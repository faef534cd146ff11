"""The job queue: RQ, with jobs enqueued by dotted name and kept as readable JSON."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rq import Queue, Retry, worker_registration
from rq.job import Job
from rq.results import Result
from rq.serializers import JSONSerializer

from app.state.deletion import SessionRefs

TURNS, BACKGROUND = "turns", "background"

NO_TIMEOUT = -1
"""Turns and tools have timeouts of their own; RQ's cannot break a blocking call in a thread."""

MAINTENANCE_SECONDS = 10
"""Between two searches of a worker for jobs of dead workers."""


class ReadableJob(Job):
    """A job whose data is readable in redis-cli: RQ would compress it."""

    def to_dict(self, include_meta: bool = True, include_result: bool = True) -> dict:
        """The fields of the job's hash."""
        return super().to_dict(include_meta, include_result) | {"data": self.data}

    def retry(self, queue: Queue, pipeline: Any) -> None:
        """Put the job back on the queue. Executions of a dead worker are removed: RQ would fail on them at the end."""
        pipeline.delete(self.execution_registry.key)
        super().retry(queue, pipeline)


class MaintainedQueue(Queue):
    """A queue whose maintenance lock expires soon: RQ's own would keep the other workers from it for 15 minutes when a
    worker dies, or loses Redis, while it holds the lock."""

    def acquire_maintenance_lock(self) -> bool:
        """Whether the caller may search for jobs of dead workers now; the lock expires by itself."""
        return bool(self.connection.set(self.registry_cleaning_key, 1, nx=True, ex=MAINTENANCE_SECONDS))


def open_queue(name: str, connection: Any) -> Queue:
    """The queue `name` as web processes and workers use it. `connection` is a Redis client."""
    return MaintainedQueue(name, connection=connection, serializer=JSONSerializer, job_class=ReadableJob)


class Jobs:
    """Enqueues and removes jobs. Enqueuing the same work twice makes one job."""

    def __init__(self, connection: Any, failed_ttl: int) -> None:
        """A failed job is kept for `failed_ttl` seconds."""
        self._failed_ttl = failed_ttl
        self._turns = open_queue(TURNS, connection)
        self._background = open_queue(BACKGROUND, connection)

    def turn(self, session_id: str, run_id: str) -> None:
        """Run a turn. It is never retried: its tools may have acted."""
        self._enqueue(self._turns, "workers.jobs.run_turn", (session_id, run_id), run_id)

    def steps(self, session_id: str, run_id: str, call_id: str) -> None:
        """Run a multi-step tool to its end. When its worker dies, another one continues after the delivered steps."""
        args = (session_id, run_id, call_id)
        self._enqueue(self._background, "workers.jobs.run_steps", args, _of_call(run_id, call_id), Retry(max=3))

    def title(self, session_id: str, run_id: str, thread_id: str, model: str) -> None:
        """Ask a model for a title of a turn's thread. A job holds ids alone: one that comes after the deletion of its
        session brings back nothing that was said."""
        args = (session_id, run_id, model)
        self._enqueue(self._background, "workers.jobs.suggest_title", args, _of_title(thread_id))

    def compaction(self, session_id: str, run_id: str) -> None:
        """Sum up the history of a turn's thread."""
        self._enqueue(self._background, "workers.jobs.compact_history", (session_id, run_id), _of_compaction(run_id))

    def forget(self, refs: SessionRefs) -> None:
        """Remove the jobs of a deleted session: those that wait, that failed, and that a dead worker left. One that
        runs ends by itself, because its session is gone."""
        background = {_of_call(*call) for call in refs.calls} | {_of_title(thread) for thread in refs.threads}
        background |= {_of_compaction(run_id) for run_id in refs.runs}
        self._forget(self._turns, refs.runs)
        self._forget(self._background, background)

    def forget_title(self, thread_id: str) -> None:
        """Remove the job for a deleted thread's title."""
        self._forget(self._background, {_of_title(thread_id)})

    def _forget(self, queue: Queue, job_ids: Collection[str]) -> None:
        """(RQ's own removal reads the job's status first, and fails when the job ends in between.)"""
        pipeline = queue.connection.pipeline(transaction=False)
        for job_id in job_ids:
            pipeline.exists(ReadableJob.key_for(job_id))
        existing = [job_id for job_id, exists in zip(job_ids, pipeline.execute(), strict=True) if exists]
        for job_id in existing:
            pipeline.lrem(queue.key, 0, job_id)
            pipeline.zrem(queue.failed_job_registry.key, job_id)
            pipeline.delete(ReadableJob.key_for(job_id), Result.get_key(job_id))
        pipeline.execute()

    def has_turn(self, run_id: str) -> bool:
        """Whether a turn's job waits for a worker. A worker that takes the job claims its turn within milliseconds; a
        job that was taken and did not claim its turn is lost. A second job does no harm: one of the two gets the turn.
        """
        return self._turns.get_job_position(run_id) is not None

    def has_steps(self, run_id: str, call_id: str) -> bool:
        """Whether the job of a multi-step call waits for a worker."""
        return self._background.get_job_position(_of_call(run_id, call_id)) is not None

    @property
    def a_sorted_set(self) -> str:
        """The Redis key of a sorted set of the queue."""
        return str(self._turns.failed_job_registry.key)

    def waiting(self) -> int:
        """How many turns wait for a worker."""
        return self._turns.count

    def workers(self) -> int:
        """How many worker processes that run turns have sent a heartbeat within two leases: after that RQ drops a
        worker's hash, but not its name in the set of workers."""
        names = worker_registration.get_keys(queue=self._turns)
        return int(self._turns.connection.exists(*names)) if names else 0

    def _enqueue(self, queue: Queue, name: str, args: tuple, job_id: str, retry: Retry | None = None) -> None:
        pipeline = queue.connection.pipeline()  # RQ's own would make two round trips
        queue.enqueue_call(
            name,
            args=args,
            job_id=job_id,
            description=f"{name.rsplit('.', 1)[1]} {job_id}",
            timeout=NO_TIMEOUT,
            result_ttl=0,
            failure_ttl=self._failed_ttl,
            retry=retry,
            pipeline=pipeline,
        )
        pipeline.execute()


def _of_call(run_id: str, call_id: str) -> str:
    return f"{run_id}-{_safe(call_id)}"


def _of_title(thread_id: str) -> str:
    return f"title-{thread_id}"


def _of_compaction(run_id: str) -> str:
    return f"compaction-{run_id}"


def _safe(call_id: str) -> str:
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in call_id)
