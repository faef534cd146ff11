"""An RQ worker that runs its jobs in threads. A worker process has one for background jobs, and a `TurnWorker`.

RQ has several executions per worker in its model, but no worker of this kind. This one waits for a free thread, then
dequeues a job and runs RQ's own `perform_job` in that thread. A monitor thread sends the heartbeats of the worker and
of its jobs.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from rq.job import Job

from app.background import BackgroundLoop, Backoff
from app.state.connection.clients import Unavailable
from app.turns.rq_queue import OwnQueue
from workers import heartbeats
from workers.recording_worker import RETRY_SECONDS, RecordingWorker

log = logging.getLogger(__name__)


TAKE_SECONDS = 1
"""How long a worker waits for a job before it looks whether it is to stop."""


@dataclass(frozen=True)
class JobLimit:
    """A worker takes `most` jobs (0 is no limit), and calls `reached` when all of them have ended."""

    most: int
    reached: Callable[[], object]


LULL_SECONDS = 0.004
"""For which a worker that had to wait for a job takes no other one: the thread that runs it has Python's lock.
Measured in docs/scaling.md."""

NO_LIMIT = JobLimit(0, lambda: None)


class ThreadWorker(RecordingWorker):
    """Runs up to `threads` jobs of one queue at once, from `start` to `stop`."""

    def __init__(self, queue: OwnQueue, name: str, threads: int, lease: float, limit: JobLimit = NO_LIMIT) -> None:
        super().__init__(queue, name, lease)
        self._free_threads = threading.Semaphore(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=queue.name)
        self._running: set[Any] = set()
        self._limit = limit
        self._taken, self._ended = itertools.count(1), itertools.count(1)
        self._registered = threading.Event()
        self._dequeuing = BackgroundLoop(
            self._dequeue_job, Backoff(f"{queue.name} queue", Unavailable, RETRY_SECONDS, RETRY_SECONDS)
        )
        self._monitor = BackgroundLoop(
            self._register_and_send_heartbeats,
            Backoff(f"{queue.name} monitor", Unavailable, RETRY_SECONDS, RETRY_SECONDS),
            lease / 2,
        )

    def start(self) -> None:
        """Start to dequeue jobs, as soon as Redis replies."""
        self._dequeuing.start()
        self._monitor.start(first_pause=0)

    def stop_dequeuing(self) -> None:
        """Dequeue no more jobs."""
        self._dequeuing.request_stop()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no job runs; call `stop_dequeuing` first. False if some still run after `timeout` seconds."""
        self._dequeuing.join()
        return not wait(list(self._running), timeout=timeout).not_done

    def stop(self) -> None:
        """Unregister the worker. Jobs that still run are left behind."""
        self._stopped.set()
        self._monitor.request_stop()
        try:
            self.register_death()
        except Unavailable:
            log.warning("Redis does not answer: worker %s is not unregistered, and expires by itself", self.name)

    def counts(self) -> dict[str, int]:
        """Fields of the worker's hash that come with each heartbeat: here none, because RQ counts with each job."""
        return {}

    def _dequeue_job(self) -> None:
        """Run a job if one comes within a second or so."""
        if not self._registered.wait(0.1):
            return  # a job writes to the worker's hash; if that exists at registration, RQ reports a name conflict
        if not self._free_threads.acquire(timeout=0.2):
            return
        job, began = None, time.monotonic()
        try:
            job = self._take()
            waited = time.monotonic() - began
        finally:
            if job is None:
                self._free_threads.release()
        if job is not None:
            if next(self._taken) == self._limit.most:
                self.stop_dequeuing()
            future = self._pool.submit(self._perform, job)
            self._running.add(future)
            future.add_done_callback(self._done)
        self._dequeuing.pause = LULL_SECONDS if job and waited > LULL_SECONDS else 0.0

    def _take(self) -> Job | None:
        job = self.next_job(TAKE_SECONDS)
        if job and self._dequeuing.stopping and self.put_back(job):
            return None
        return job

    def next_job(self, seconds: int) -> Job | None:
        """The next job of the queue, if one comes within so many seconds."""
        return self._queue.take(seconds)

    def put_back(self, job: Job) -> bool:
        """Put a job that has not begun back to the front of the queue. False if it must run here."""
        pipeline = self.connection.pipeline()
        pipeline.lrem(self._queue.intermediate_queue_key, 1, job.id)
        self._queue.push_job_id(job.id, pipeline=pipeline, at_front=True)
        pipeline.execute()
        return True

    def _perform(self, job: Job) -> None:
        if execution := self.begin(job):
            self.perform_job(job, self._queue, execution)

    def _done(self, future: Any) -> None:
        self._running.discard(future)
        self._free_threads.release()
        if next(self._ended) == self._limit.most:
            self._limit.reached()

    def _register_and_send_heartbeats(self) -> None:
        if not self._registered.is_set():
            self.register_birth()
            self._registered.set()
        heartbeats.send(self, list(self.executions.values()), self._heartbeat_ttl, self.counts())
        if self.should_run_maintenance_tasks:
            self.run_maintenance_tasks()
