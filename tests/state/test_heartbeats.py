"""Heartbeats of running jobs: all in one round trip, and none for a job that has just ended."""

from __future__ import annotations

import pytest
import redis as redis_py

from app.turns.rq_queue import BACKGROUND, NO_TIMEOUT, open_queue
from workers import heartbeats
from workers.thread_worker import ThreadWorker

TTL = 500


class CountingRedis(redis_py.Redis):
    """Counts round trips: commands, and pipelines that are sent."""

    round_trips = 0

    def execute_command(self, *args, **options):
        self.round_trips += 1
        return super().execute_command(*args, **options)

    def pipeline(self, *args, **options):
        pipeline = super().pipeline(*args, **options)
        execute = pipeline.execute

        def counted(*args):
            self.round_trips += 1
            return execute(*args)

        pipeline.execute = counted
        return pipeline


@pytest.fixture
def redis(redis_url):
    with CountingRedis.from_url(redis_url.replace("/0", "/2")) as redis:
        redis.flushdb()
        yield redis
        redis.flushdb()


@pytest.fixture
def worker(redis):
    worker = ThreadWorker(open_queue(BACKGROUND, redis), "worker", threads=1, lease=0.5)
    worker.register_birth()
    return worker


def begin(worker, job_id):
    """A job that runs on the worker, a second before its heartbeat is due."""
    queue = open_queue(BACKGROUND, worker.connection)
    job = queue.enqueue_call("workers.jobs.run_steps", job_id=job_id, timeout=NO_TIMEOUT)
    return worker.begin(job)


def test_the_heartbeats_of_all_jobs_take_one_round_trip(worker, redis):
    executions = [begin(worker, f"job-{number}") for number in range(20)]
    redis.round_trips = 0
    heartbeats.send(worker, executions, TTL, {})
    assert redis.round_trips == 1
    for execution in executions:
        assert redis.ttl(execution.key) > 1
        assert redis.zscore(execution.job.started_job_registry.key, execution.composite_key) > redis.time()[0] + 1
    assert 0 < redis.ttl(worker.key) <= TTL


def test_a_job_that_has_just_ended_leaves_nothing_behind(worker, redis):
    execution = begin(worker, "job-1")
    redis.delete(execution.job.key)
    heartbeats.send(worker, [execution], TTL, {})
    assert not redis.exists(execution.job.key)


def test_a_worker_that_redis_has_lost_is_registered_again(worker, redis):
    redis.flushdb()
    heartbeats.send(worker, [], TTL, {})
    assert redis.hget(worker.key, "queues") == BACKGROUND.encode()
    assert 0 < redis.ttl(worker.key) <= TTL


def test_what_a_job_writes_to_a_worker_that_redis_has_lost_has_a_life(worker, redis):
    job = begin(worker, "job-1").job
    redis.delete(worker.key)
    execution = begin(worker, "job-2")
    assert redis.ttl(worker.key) > 0
    redis.delete(worker.key)
    worker.handle_job_success(job, worker.queues[0], job.started_job_registry, execution)
    assert redis.ttl(worker.key) > 0


def test_a_job_that_was_deleted_after_it_was_taken_is_whole_while_it_runs(worker, redis):
    queue = open_queue(BACKGROUND, redis)
    job = queue.enqueue_call("workers.jobs.run_steps", job_id="job-1", timeout=NO_TIMEOUT)
    redis.delete(job.key)
    worker.begin(job)
    assert queue.fetch_job("job-1").func_name == "workers.jobs.run_steps"
