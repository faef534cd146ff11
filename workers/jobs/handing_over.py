"""Jobs that this worker cannot do, because its aomi.yaml lacks the job's app, model or tool: another worker gets them.

So it is for a while when a new aomi.yaml is deployed, one process after the other.
"""

from __future__ import annotations

import logging
import random

from rq import Retry, get_current_job

from workers.cancellation import SHUTDOWN, CancelToken, Stopped

log = logging.getLogger("workers.jobs")

REQUEUE = Retry(max=1_000_000)
"""Puts the job back on the queue, for another worker."""

PAUSE_SECONDS = (0.5, 1.5)
"""How long a worker holds a job that it hands over, from and to. It is random because Redis gives a job to the worker
that has waited longest: with a fixed pause that may be the same one each time."""

MAX_HANDOVERS = 30
"""Then no worker knows what the job needs, and it ends with an error."""


def can_hand_over() -> bool:
    """Whether another worker may still take the current job."""
    job = get_current_job()
    if job is None:
        return False
    job.number_of_retries = int(job.connection.hget(job.key, "number_of_retries") or 0)  # the job was not read
    return job.number_of_retries < MAX_HANDOVERS


def hand_over(job: str, token: CancelToken) -> Retry | None:
    """The value that the job returns to be handed over; None if it was stopped during the pause."""
    log.warning("%s needs an app, a model or a tool that this worker's aomi.yaml lacks; another worker gets it", job)
    try:
        token.sleep(random.uniform(*PAUSE_SECONDS))
    except Stopped as stopped:
        return REQUEUE if stopped.reason == SHUTDOWN else None
    return REQUEUE
