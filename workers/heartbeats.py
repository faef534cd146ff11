"""Heartbeats of an RQ worker and all its running jobs, in one round trip.

RQ 3.0 makes a round trip per job (`BaseWorker.maintain_heartbeats`): with hundreds of jobs and a distant Redis the last
job's heartbeat would come after it counts as dead, and RQ would run the job a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rq import utils, worker_registration
from rq.executions import Execution
from rq.worker.base import BaseWorker

from app.turns.rq_queue import forget_execution


def send(worker: BaseWorker, executions: Sequence[Execution], ttl: int, counts: Mapping[str, int]) -> None:
    """Renew the worker and its running jobs for `ttl` seconds, and write its `counts`. Raises `Unavailable`."""
    with worker.connection.pipeline(transaction=False) as pipeline:
        worker_registration.register(worker, pipeline)  # each time: Redis may have lost its data
        worker_index = len(pipeline)
        worker.heartbeat(ttl, pipeline=pipeline)
        for field, count in counts.items():
            pipeline.hset(worker.key, field, count)
        job_indexes = [_renew(execution, ttl, pipeline) for execution in executions]
        replies = pipeline.execute()
        # HSET replies 1 when it created the field, so the hash was gone.
        if replies[worker_index] == 1:
            pipeline.hset(worker.key, mapping=worker.serialize())
            pipeline.expire(worker.key, ttl)
        for execution, index in zip(executions, job_indexes, strict=True):
            if replies[index] == 1:  # the job ended and was removed after `executions` was read
                pipeline.delete(execution.job.key)
                forget_execution(execution, worker.queues[0], pipeline)
        if len(pipeline):
            pipeline.execute()


def _renew(execution: Execution, ttl: int, pipeline: Any) -> int:
    """Returns the position of the reply to the job's HSET."""
    execution.heartbeat(execution.job.started_job_registry, ttl, pipeline)
    index = len(pipeline)
    execution.job.heartbeat(utils.now(), ttl, pipeline, xx=True)
    return index
