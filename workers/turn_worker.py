"""Runs the jobs of turns. RQ keeps no record of who runs one: the script that claims a turn takes its job off the queue
(`take_turn` or `claim`), and from then on the turn's lease and the reaper do what RQ's records would do. That is thirty
commands less for a turn."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

from rq import Queue
from rq.executions import Execution
from rq.job import Job
from rq.registry import StartedJobRegistry

from app.state.turns.run_records import Run
from app.state.turns.taking import Taking
from app.turns.rq_queue import claimed_turn
from workers import runtime
from workers.thread_worker import ThreadWorker


class TurnWorker(ThreadWorker):
    """A `ThreadWorker` of the queue of turns."""

    def __init__(self, *args: Any, taking: Taking | None = None, **options: Any) -> None:
        """With `taking`, a turn is claimed in the step that takes its job."""
        super().__init__(*args, **options)
        self._taking = taking
        self._done_jobs = 0
        self._counting = threading.Lock()

    def next_job(self, seconds: int) -> Job | None:
        """The job of the next turn, if one comes within so many seconds."""
        if self._taking is None:
            return super().next_job(seconds)
        own = runtime.current()
        taken = self._taking.next(self.connection, self._queue.lists, seconds, own.worker_name, own.known)
        return self._queue.job_of(taken) if taken else None

    def put_back(self, job: Job) -> bool:
        """Put a job that has not begun back to the front of the queue. False if its turn must go on here."""
        claimed = claimed_turn(job)
        if not (self._taking and claimed):
            return super().put_back(job)
        outcome = self._taking.put_back(Run.read_claimed(job.args[0], claimed), self.connection)
        if outcome == "queued":
            self._queue.enqueue_job(job, at_front=True)
        return outcome != "begun"

    def counts(self) -> dict[str, int]:
        """How many jobs have ended well."""
        return {"successful_job_count": self._done_jobs}

    def begin(self, job: Job) -> Execution:
        """The execution that RQ's `perform_job` asks for. It is not in Redis."""
        return Execution(uuid4().hex, job.id, self.connection, self.name)

    def handle_job_success(
        self, job: Job, queue: Queue, started_job_registry: StartedJobRegistry, execution: Execution
    ) -> None:
        """The job is gone since its turn was claimed."""
        with self._counting:
            self._done_jobs += 1

    def handle_job_retry(self, job: Job, *args: Any, **options: Any) -> None:
        """Put a job back whose turn this worker does not know."""
        super().handle_job_retry(job, *args, **options)
        self._leave_intermediate(job)

    def handle_job_failure(self, job: Job, *args: Any, **options: Any) -> None:
        """Keep a job that failed, claimed or not."""
        super().handle_job_failure(job, *args, **options)
        self._leave_intermediate(job)

    def _leave_intermediate(self, job: Job) -> None:
        """Last, so that a job is always on a list; the entry of another worker that has it by now is the newer one."""
        key = self._queue.intermediate_queue_key
        self._job_backoff.retry(lambda: self.connection.lrem(key, 1, job.id), self._stopped)
