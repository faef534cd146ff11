"""Jobs: enqueued by dotted name on RQ's queues, and removed."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import Any

from rq import Queue, Retry, worker_registration
from rq.executions import Execution, ExecutionRegistry
from rq.results import Result

from app.state.connection.cluster import Cluster
from app.state.deletion import SessionRefs
from app.state.scripts import commands_of
from app.state.turns.turn_queue import TurnQueue
from app.turns.rq_queue import (
    BACKGROUND,
    NO_TIMEOUT,
    TURNS,
    OwnQueue,
    ReadableJob,
    forget_execution,
    open_queue,
    turn_job_ids,
)
from app.turns.turn_commands import TurnCommands


class Jobs:
    """Enqueues and removes jobs. Enqueuing the same work twice makes one job."""

    def __init__(self, connection: Any, failed_ttl: int, state: Any = None) -> None:
        """A failed job is kept for `failed_ttl` seconds. `state` is the client of the state: jobs of turns can be put
        in its scripts if it is this one, of one server."""
        self._failed_ttl = failed_ttl
        self._turns = open_queue(TURNS, connection, failed_ttl)
        self._background = open_queue(BACKGROUND, connection)
        self._enqueuing, self._removing = TurnCommands(self._enqueuing_turn), TurnCommands(self._removing_turn)
        self._is_beside_state = connection is state and not isinstance(state, Cluster)

    def turn(self, session_id: str, run_id: str) -> None:
        """Run a turn. It is never retried: its tools may have acted."""
        self._enqueuing_turn(session_id, run_id).execute()

    def beside_state(self, most: int = 0) -> TurnQueue | None:
        """The queue of turns, of which a script of the state can be a part. None where it is on another server, or the
        state is on a cluster: then `turn` enqueues."""
        if not self._is_beside_state:
            return None
        return TurnQueue(self._list, self._enqueuing.commands, self._removing.commands, most)

    @cached_property
    def _list(self) -> str:
        """The name of the list of turns' jobs, as commands have it."""
        [[_, name]] = commands_of(self._turns.connection.pipeline().llen(self._turns.key))
        return str(name)

    def _enqueuing_turn(self, session_id: str, run_id: str) -> Any:
        pipeline = self._turns.connection.pipeline()  # RQ's own would make two round trips
        self._turns.enqueue_job(self._turns.job_of_turn(session_id, run_id), pipeline=pipeline)
        return pipeline

    def remove_claimed(self, session_id: str, run_id: str) -> None:
        """Remove the job of a turn that a worker has claimed. From then on its lease says that it runs."""
        self._removing_turn(session_id, run_id).execute()

    def _removing_turn(self, session_id: str, run_id: str) -> Any:
        pipeline = self._turns.connection.pipeline()
        job_ids = turn_job_ids(session_id, run_id)
        for job_id in job_ids:
            pipeline.lrem(self._turns.intermediate_queue_key, 0, job_id)
        pipeline.delete(*map(ReadableJob.key_for, job_ids))
        return pipeline

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

    def forget(self, session_id: str, refs: SessionRefs) -> None:
        """Remove the jobs of a deleted session: those that wait, that failed, and that a dead worker left. One that
        runs ends by itself, because its session is gone."""
        background = {_of_call(*call) for call in refs.calls} | {_of_title(thread) for thread in refs.threads}
        background |= {_of_compaction(run_id) for run_id in refs.runs}
        self._forget(self._turns, [job_id for run_id in refs.runs for job_id in turn_job_ids(session_id, run_id)])
        self._forget(self._background, background)

    def forget_title(self, thread_id: str) -> None:
        """Remove the job for a deleted thread's title."""
        self._forget(self._background, {_of_title(thread_id)})

    def _forget(self, queue: OwnQueue, job_ids: Collection[str]) -> None:
        """(RQ's own removal reads the job's status first, and fails when the job ends in between.)"""
        pipeline = queue.connection.pipeline(transaction=False)
        for job_id in job_ids:
            pipeline.exists(ReadableJob.key_for(job_id))
            pipeline.zrange(ExecutionRegistry(job_id, connection=queue.connection).key, 0, -1)
        replies = pipeline.execute()
        for job_id, exists, executions in zip(job_ids, replies[::2], replies[1::2], strict=True):
            if exists:
                for name in (queue.key, queue.lists.taken):
                    pipeline.lrem(name, 0, job_id)
                pipeline.zrem(queue.failed_job_registry.key, job_id)
                pipeline.delete(ReadableJob.key_for(job_id), Result.get_key(job_id))
            for raw in executions:
                forget_execution(Execution(raw.decode(), job_id, queue.connection), queue, pipeline)
        pipeline.execute()

    def has_turn(self, session_id: str, run_id: str) -> bool:
        """Whether a turn's job waits for a worker. A worker that takes the job claims its turn within milliseconds; a
        job that was taken and did not claim its turn is lost. A second job does no harm: one of the two gets the turn.
        """
        ids = turn_job_ids(session_id, run_id)
        return any(self._turns.get_job_position(job_id) is not None for job_id in ids)

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
