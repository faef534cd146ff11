"""The queues and their workers, as RQ stores them, and the turns that run: RQ has no record of those, the state has.
RQ's own readers clean up while they read; these only read."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from rq import Queue as RqQueue
from rq import worker_registration
from rq.job import Job as RqJob

from app import exact_json
from app.commands.inspect import turns
from app.commands.inspect.facts import Job, Queue, Worker, ago
from app.state import redis_keys
from app.state.clock import RedisClock
from app.state.inspection import Fields, Inspection
from app.turns.rq_queue import BACKGROUND, TURNS, open_queue, turn_of_job

_JOB = ("description", "enqueued_at", "data")
_WORKER = ("hostname", "pid", "queues", "birth", "last_heartbeat", "successful_job_count", "failed_job_count")


class Queues:
    """The two queues of a Redis, which `inspection` reads; `state` reads the one that has the turns."""

    def __init__(self, connection: Any, inspection: Inspection, state: Inspection, clock: RedisClock) -> None:
        self._queues = [open_queue(name, connection) for name in (TURNS, BACKGROUND)]
        self._inspection = inspection
        self._state = state
        self._clock = clock

    def counts(self) -> list[Queue]:
        """The numbers of each queue."""
        workers = self.workers()
        queues = []
        for queue in self._queues:
            jobs = {state: len(ids) for state, ids in _ids(queue).items()}
            jobs.setdefault("running", len(turns.claimed(self._state)))
            queues.append(Queue(queue.name, **jobs, workers=sum(worker.queue == queue.name for worker in workers)))
        return queues

    def jobs(self, most: int) -> list[Job]:
        """The jobs of each queue: running, waiting (the next one first), failed."""
        running = turns.claimed(self._state)[:most]
        jobs = [
            Job(TURNS, "running", run["id"], "run_turn", session_id, run["queued_at"]) for session_id, run in running
        ]
        for queue in self._queues:
            for state, ids in _ids(queue).items():
                first = ids[:most]
                stored = self._inspection.pick(map(RqJob.key_for, first), _JOB)
                jobs += [_job(queue.name, state, *pair) for pair in zip(first, stored, strict=True)]
        return jobs

    def workers(self) -> list[Worker]:
        """The live workers."""
        names = sorted(worker_registration.get_keys(connection=self._queues[0].connection))
        stored = self._inspection.pick(names, _WORKER)
        now, executions = self._clock.now(), self._inspection.sizes([f"{name}:executions" for name in names])
        of_turns = Counter(f"{run['worker']}-{TURNS}" for _, run in turns.claimed(self._state))
        running = (of_turns.get(redis_keys.last_part(name), size) for name, size in zip(names, executions, strict=True))
        workers = zip(names, stored, running, strict=True)
        return [_worker(name, fields, size, now) for name, fields, size in workers if fields["last_heartbeat"]]


def _ids(queue: RqQueue) -> dict[str, list[str]]:
    """The jobs of the queue by state; those of turns that run are no longer on it."""
    ids = {"waiting": queue.get_job_ids(), "failed": queue.failed_job_registry.get_job_ids(cleanup=False)}
    if queue.name == TURNS:
        return ids
    return {"running": queue.started_job_registry.get_job_ids(cleanup=False)} | ids


def _job(queue: str, state: str, job_id: str, fields: Fields) -> Job:
    does, args = _call(fields["data"])
    turn = turn_of_job(job_id) if queue == TURNS else None
    return Job(queue, state, turn[1] if turn else job_id, does, args[0] if args else "", fields["enqueued_at"])


def _call(data: str) -> tuple[str, list[str]]:
    """The function and the arguments of a job; empty for a job that has just ended."""
    if not data:
        return "", []
    name, _, args, _ = exact_json.loads(data)
    return name.rpartition(".")[2], args


def _worker(name: str, fields: Fields, running: int, now: datetime) -> Worker:
    return Worker(
        worker=name.rpartition(":")[2],
        queue=fields["queues"],
        host=fields["hostname"],
        pid=fields["pid"],
        born_at=fields["birth"],
        heard_s=ago(fields["last_heartbeat"], now),
        running=running,
        done=int(fields["successful_job_count"] or 0),
        failed=int(fields["failed_job_count"] or 0),
    )
