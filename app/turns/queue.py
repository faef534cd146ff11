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
"""Turns and tools have bounds of their own; RQ's timeouts cannot break a blocking call in a thread."""


MAINTENANCE_SECONDS = 10
"""Seconds between two looks of a worker for jobs of dead workers."""


class ReadableJob(Job):
    """A job whose data redis-cli can show: RQ would compress it."""

    def to_dict(self, include_meta: bool = True, include_result: bool = True) -> dict:
        """RQ's fields of the job."""
        return super().to_dict(include_meta, include_result) | {"data": self.data}

    def retry(self, queue: Queue, pipeline: Any) -> None:
        """Back to the queue. Executions of a dead worker are forgotten, as RQ would trip over them at the end."""
        pipeline.delete(self.execution_registry.key)
        super().retry(queue, pipeline)


class MaintainedQueue(Queue):
    """A queue whose maintenance outlives its maintainer: RQ's lock would bar the others for 15 minutes when a worker
    dies, or loses Redis, while it holds it."""

    def acquire_maintenance_lock(self) -> bool:
        """Whether the caller may look for jobs of dead workers now; the lock opens by itself."""
        return bool(self.connection.set(self.registry_cleaning_key, 1, nx=True, ex=MAINTENANCE_SECONDS))


def open_queue(name: str, connection: Any) -> Queue:
    """The queue `name` as web and workers use it. `connection` is a Redis client."""
    return MaintainedQueue(name, connection=connection, serializer=JSONSerializer, job_class=ReadableJob)


class Jobs:
    """What may be enqueued. Enqueuing the same thing twice is one job."""

    def __init__(self, connection: Any, failed_ttl: int) -> None:
        """A job that fails is kept for `failed_ttl` seconds."""
        self._failed_ttl = failed_ttl
        self._turns = open_queue(TURNS, connection)
        self._background = open_queue(BACKGROUND, connection)

    def turn(self, session_id: str, run_id: str, *, front: bool = False) -> None:
        """Run a turn. It is never run again by itself: its tools may have acted."""
        self._enqueue(self._turns, "workers.jobs.run_turn", (session_id, run_id), run_id, front=front)

    def steps(self, session_id: str, run_id: str, call_id: str) -> None:
        """Run a multi-step tool to its end. A worker's death starts it again behind its delivered steps."""
        args = (session_id, run_id, call_id)
        self._enqueue(self._background, "workers.jobs.run_steps", args, _of_call(run_id, call_id), retry=Retry(max=3))

    def title(self, session_id: str, run_id: str, thread_id: str, model: str, text: str) -> None:
        """Ask a model for a title of a turn's thread."""
        args = (session_id, run_id, model, text)
        self._enqueue(self._background, "workers.jobs.suggest_title", args, _of_title(thread_id))

    def forget(self, traces: SessionRefs) -> None:
        """Remove what there is of a deleted session's jobs: those that wait, that failed, and that a dead worker left.
        One that runs ends by itself, as its work is gone."""
        background = {_of_call(*call) for call in traces.calls} | {_of_title(thread) for thread in traces.threads}
        self._forget(self._turns, traces.runs)
        self._forget(self._background, background)

    def forget_title(self, thread_id: str) -> None:
        """Remove what there is of the job for a deleted thread's title."""
        self._forget(self._background, {_of_title(thread_id)})

    def _forget(self, queue: Queue, job_ids: Collection[str]) -> None:
        """RQ's own removal asks what the job does, and fails when that ends meanwhile."""
        names = [ReadableJob.key_for(job_id) for job_id in job_ids]
        pipeline = queue.connection.pipeline(transaction=False)
        for name in names:
            pipeline.exists(name)
        there = [job_id for job_id, known in zip(job_ids, pipeline.execute(), strict=True) if known]
        for job_id in there:
            pipeline.lrem(queue.key, 0, job_id)
            pipeline.zrem(queue.failed_job_registry.key, job_id)
            pipeline.delete(ReadableJob.key_for(job_id), Result.get_key(job_id))
        pipeline.execute()

    def has_turn(self, run_id: str) -> bool:
        """Whether a turn's job waits for a worker. One that a worker took claims its turn within milliseconds; one
        that was taken and not heard of again is lost, and a second job does no harm: one of the two gets the turn."""
        return self._turns.get_job_position(run_id) is not None

    def waiting(self) -> int:
        """How many turns wait for a worker."""
        return self._turns.count

    def workers(self) -> int:
        """How many worker processes that run turns have beaten within two leases: RQ forgets a worker's hash then, but
        not its place in the set of workers."""
        names = worker_registration.get_keys(queue=self._turns)
        return int(self._turns.connection.exists(*names)) if names else 0

    def _enqueue(self, queue: Queue, name: str, args: tuple, job_id: str, **options: Any) -> None:
        pipeline = queue.connection.pipeline()  # RQ's own would go to Redis twice
        queue.enqueue_call(
            name,
            args=args,
            job_id=job_id,
            description=f"{name.rsplit('.', 1)[1]} {job_id}",
            timeout=NO_TIMEOUT,
            result_ttl=0,
            failure_ttl=self._failed_ttl,
            retry=options.get("retry"),
            at_front=options.get("front", False),
            pipeline=pipeline,
        )
        pipeline.execute()


def _of_call(run_id: str, call_id: str) -> str:
    return f"{run_id}-{_safe(call_id)}"


def _of_title(thread_id: str) -> str:
    return f"title-{thread_id}"


def _safe(call_id: str) -> str:
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in call_id)
