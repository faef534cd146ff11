"""What a worker leaves in Redis of a turn's job that ended well, failed, or is another worker's."""

from __future__ import annotations

import pytest

import workers.jobs
from app.turns.rq_queue import TURNS, open_queue
from workers import heartbeats
from workers.jobs.handing_over import REQUEUE
from workers.turn_worker import TurnWorker

JOB = "run_1-00000000-0000-4000-8000-00000000000a"
TTL = 500


@pytest.fixture
def worker(queue):
    worker = TurnWorker(open_queue(TURNS, queue, failed_ttl=100), "worker-turns", threads=1, lease=0.5)
    worker.register_birth()
    return worker


@pytest.fixture
def perform(worker, monkeypatch):
    """Has the worker take the job of a turn, and run it as `function` says."""

    def performing(function):
        monkeypatch.setattr(workers.jobs, "run_turn", function)
        worker.queues[0].enqueue_job(worker.queues[0].job_of_turn("00000000-0000-4000-8000-00000000000a", "run_1"))
        worker._perform(worker.queues[0].take(1))

    return performing


def remaining(queue):
    return {name.decode() for name in queue.scan_iter("rq:*") if b"worker" not in name} - {"rq:queues"}


def claimed(queue):
    """As the script `claim` leaves a job."""
    queue.lrem(f"rq:queue:{TURNS}:intermediate", 0, JOB)
    queue.delete(f"rq:job:{JOB}")


def test_nothing_is_left_and_the_worker_has_counted_it(worker, perform, queue):
    during = []

    def run_turn(session_id, run_id):
        claimed(queue)
        during.extend(remaining(queue))

    perform(run_turn)
    assert (during, remaining(queue)) == ([], set())
    heartbeats.send(worker, [], TTL, worker.counts())
    assert queue.hget(worker.key, "successful_job_count") == b"1"


@pytest.mark.parametrize("before", [lambda queue: None, claimed], ids=["unclaimed", "claimed"])
def test_a_job_that_breaks_is_kept_as_a_failed_one(worker, perform, queue, before):
    def run_turn(session_id, run_id):
        before(queue)
        raise RuntimeError("a bug")

    perform(run_turn)
    assert worker.queues[0].failed_job_registry.get_job_ids(cleanup=False) == [JOB]
    assert remaining(queue) == {f"rq:job:{JOB}", f"rq:failed:{TURNS}", f"rq:results:{JOB}"}
    assert queue.hget(f"rq:job:{JOB}", "status") == b"failed"
    assert 0 < queue.ttl(f"rq:job:{JOB}") <= 100
    assert queue.hget(worker.key, "failed_job_count") == b"1"
    assert worker.counts() == {"successful_job_count": 0}


def test_a_job_of_which_the_worker_does_not_know_the_app_waits_for_another_one(worker, perform, queue):
    perform(lambda session_id, run_id: REQUEUE)
    assert worker.queues[0].get_job_ids() == [JOB]
    assert not queue.exists(worker.queues[0].intermediate_queue_key)
    assert queue.hget(f"rq:job:{JOB}", "number_of_retries") == b"1"
    assert worker.queues[0].fetch_job(JOB).args == ["00000000-0000-4000-8000-00000000000a", "run_1"]
