"""RQ's queues as web processes and workers use them. Jobs are kept as readable JSON.

The id of a turn's job says of which turn it is, so that a worker need not read the job before it claims the turn: a
round trip less before the first token."""

from __future__ import annotations

import re
from copy import copy
from functools import cached_property
from typing import Any, cast

from rq import Queue, utils
from rq.exceptions import DequeueTimeout
from rq.executions import Execution, ExecutionRegistry
from rq.job import Job
from rq.serializers import JSONSerializer

from app.state.turns.taking import Taken, TurnLists

TURNS, BACKGROUND = "turns", "background"

NO_TIMEOUT = -1
"""Turns and tools have timeouts of their own; RQ's cannot break a blocking call in a thread."""

MAINTENANCE_SECONDS = 10
"""Between two searches of a worker for jobs of dead workers."""

_RUN_TURN = "workers.jobs.run_turn"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_CODED = "x"
"""How the id of a session begins in a job's id if it is no UUID. (No UUID begins so.)"""


class ReadableJob(Job):
    """A job whose data is readable in redis-cli: RQ would compress it. `claimed` is its turn as the script `take_turn`
    returns it, () if that is not claimed yet."""

    claimed: Any = ()

    def to_dict(self, include_meta: bool = True, include_result: bool = True) -> dict:
        """The fields of the job's hash."""
        return super().to_dict(include_meta, include_result) | {"data": self.data}

    def retry(self, queue: Queue, pipeline: Any) -> None:
        """Put the job back on the queue. Executions of a dead worker are removed: RQ would fail on them at the end."""
        pipeline.delete(self.execution_registry.key)
        super().retry(queue, pipeline)


class OwnQueue(Queue):
    """A queue whose maintenance lock expires soon: RQ's own would keep the other workers from it for 15 minutes when a
    worker dies, or loses Redis, while it holds the lock. A job of a turn that failed is kept for `failed_ttl` seconds.
    """

    def __init__(self, *args: Any, failed_ttl: int = 0, **options: Any) -> None:
        super().__init__(*args, **options)
        self._failed_ttl = failed_ttl

    def acquire_maintenance_lock(self) -> bool:
        """Whether the caller may search for jobs of dead workers now; the lock expires by itself."""
        return bool(self.connection.set(self.registry_cleaning_key, 1, nx=True, ex=MAINTENANCE_SECONDS))

    def take(self, seconds: int) -> Job | None:
        """The next job, if one comes within so many seconds; from now on it is in the intermediate queue."""
        try:
            _, raw = self.lmove(self.connection, self.key, seconds)
        except DequeueTimeout:
            return None
        return self.job_of(Taken(raw.decode()))

    @property
    def lists(self) -> TurnLists:
        """Its names in Redis, for `Taking.next`."""
        return TurnLists(self.key, f"{self.key}:taken", self.intermediate_queue_key, ReadableJob.key_for("*"))

    def job_of(self, taken: Taken) -> Job | None:
        """The job that was taken, None if it is gone."""
        turn = turn_of_job(taken.job_id) if self.name == TURNS else None
        if turn is None:
            return self.fetch_job(taken.job_id)
        job = self.job_of_turn(*turn)
        job.claimed = taken.claimed
        return job

    def job_of_turn(self, session_id: str, run_id: str) -> ReadableJob:
        """The job of a turn, not enqueued. It is never retried: the turn's tools may have acted."""
        job = copy(self._job_of_no_turn)
        job.id, job.args = turn_job_id(session_id, run_id), (session_id, run_id)
        job.description, job.created_at = f"run_turn {run_id}", utils.now()
        return job

    @cached_property
    def _job_of_no_turn(self) -> ReadableJob:
        """All jobs of turns are copies of this one: RQ takes five times as long to make one."""
        job = self.create_job(_RUN_TURN, timeout=NO_TIMEOUT, result_ttl=0, failure_ttl=self._failed_ttl)
        return cast(ReadableJob, job)


def claimed_turn(job: Job | None) -> Any:
    """The turn of a job as the script `take_turn` returns it; () if it is not claimed yet."""
    return job.claimed if isinstance(job, ReadableJob) else ()


def open_queue(name: str, connection: Any, failed_ttl: int = 0) -> OwnQueue:
    """The queue `name`. `connection` is a Redis client."""
    options = {"connection": connection, "serializer": JSONSerializer, "job_class": ReadableJob}
    return OwnQueue(name, failed_ttl=failed_ttl, **options)


def forget_execution(execution: Execution, queue: Queue, pipeline: Any) -> None:
    """Remove what RQ would keep of an execution until its heartbeat is over: the names of a turn's have the session."""
    pipeline.zrem(queue.started_job_registry.key, execution.composite_key)
    pipeline.delete(ExecutionRegistry(execution.job_id, connection=queue.connection).key, execution.key)


def turn_job_id(session_id: str, run_id: str) -> str:
    """The id of a turn's job. RQ takes letters, digits, `_` and `-` in it; another id of a session is coded."""
    is_plain = _UUID.fullmatch(session_id)
    return f"{run_id}-{session_id if is_plain else _CODED + session_id.encode().hex()}"


def turn_job_ids(session_id: str, run_id: str) -> tuple[str, str]:
    """The ids that a turn's job may have: this version's, and the last one's."""
    return turn_job_id(session_id, run_id), run_id


def turn_of_job(job_id: str) -> tuple[str, str] | None:
    """The session and the run of a turn's job; None for a job of an earlier version, which must be read."""
    run_id, _, name = job_id.partition("-")
    if name.startswith(_CODED):
        name = bytes.fromhex(name.removeprefix(_CODED)).decode()
    return (name, run_id) if name else None
