"""The queue and its workers, as RQ keeps them. RQ's own readers tidy up as they read; these only read."""

from __future__ import annotations

from typing import Any

from rq import Queue as RqQueue
from rq import worker_registration
from rq.job import Job as RqJob

from app import exact_json
from app.commands.inspect.facts import Job, Queue, Worker, ago
from app.state.inspection import Fields, Inspection
from app.turns.queue import BACKGROUND, TURNS, open_queue

_JOB = ("description", "enqueued_at", "data")
_WORKER = ("hostname", "pid", "queues", "birth", "last_heartbeat", "successful_job_count", "failed_job_count")


class Queues:
    """The two queues on a Redis client."""

    def __init__(self, connection: Any, inspection: Inspection) -> None:
        self._queues = [open_queue(name, connection) for name in (TURNS, BACKGROUND)]
        self._inspection = inspection

    def counts(self) -> list[Queue]:
        """Each queue in numbers."""
        workers = self.workers()
        found = []
        for queue in self._queues:
            counted = {state: len(ids) for state, ids in _ids(queue).items()}
            found.append(Queue(queue.name, **counted, workers=sum(worker.queue == queue.name for worker in workers)))
        return found

    def jobs(self, most: int) -> list[Job]:
        """The jobs of each queue: those that run, those that wait, the next one first, and those that failed."""
        found: list[Job] = []
        for queue in self._queues:
            for state, ids in _ids(queue).items():
                some = ids[:most]
                picked = self._inspection.pick(map(RqJob.key_for, some), _JOB)
                found += [_job(queue.name, state, *pair) for pair in zip(some, picked, strict=True)]
        return found

    def workers(self) -> list[Worker]:
        """The workers that live."""
        names = sorted(worker_registration.get_keys(connection=self._queues[0].connection))
        picked = self._inspection.pick(names, _WORKER)
        running = self._inspection.sizes([f"{name}:executions" for name in names])
        found = zip(names, picked, running, strict=True)
        return [_worker(name, fields, size) for name, fields, size in found if fields["last_heartbeat"]]


def _ids(queue: RqQueue) -> dict[str, list[str]]:
    return {
        "running": queue.started_job_registry.get_job_ids(cleanup=False),
        "waiting": queue.get_job_ids(),
        "failed": queue.failed_job_registry.get_job_ids(cleanup=False),
    }


def _job(queue: str, state: str, job_id: str, fields: Fields) -> Job:
    does, args = _call(fields["data"])
    return Job(queue, state, job_id, does, args[0] if args else "", fields["enqueued_at"])


def _call(data: str) -> tuple[str, list[str]]:
    """The function and the arguments of a job; nothing of one that has just ended."""
    if not data:
        return "", []
    name, _, args, _ = exact_json.loads(data)
    return name.rpartition(".")[2], args


def _worker(name: str, fields: Fields, running: int) -> Worker:
    return Worker(
        worker=name.rpartition(":")[2],
        queue=fields["queues"],
        host=fields["hostname"],
        pid=fields["pid"],
        born_at=fields["birth"],
        heard_s=ago(fields["last_heartbeat"]),
        running=running,
        done=int(fields["successful_job_count"] or 0),
        failed=int(fields["failed_job_count"] or 0),
    )
