"""Three times as many messages as can be answered: what is accepted keeps its speed, the rest is told at once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

import httpx
import pytest
import redis as redis_py

from tests.support.backend import until
from tests.support.servers import Text

THREADS, QUEUE = 4, 4
PIECES, PAUSE = 12, 0.05
TURN = PIECES * PAUSE
EVERY = TURN / THREADS / 3
"""Seconds between two messages, when they are three times as many as the worker's threads can answer."""

MESSAGES = int(3 / EVERY)


@dataclass
class Answer:
    """What became of a message: its status, when the answer began to be said and how long it took, in seconds."""

    status: int
    waited: float
    said: float = 0.0
    retry_after: int = 0
    last: str = ""


@pytest.fixture
def small(backend, redis_url, provider):
    """A web and a worker that can do little; asks them something."""
    url = redis_url.replace("/0", "/7")
    more = {"REDIS_URL": url, "AOMI_WORKER_THREADS": str(THREADS), "AOMI_MAX_QUEUE": str(QUEUE)}
    worker = backend.begin_worker(**more)
    web, base = backend.web(**more)
    until(lambda: "takes jobs" in worker.log(), 40, "worker process")
    text = provider.script(f"overload {uuid.uuid4()}", [Text(["word "] * PIECES, PAUSE)])
    with httpx.Client(base_url=base, timeout=30, limits=httpx.Limits(max_connections=None)) as http:

        def ask() -> Answer:
            headers, began = {"X-Session-Id": str(uuid.uuid4())}, time.monotonic()
            body = {"text": text, "model": "scripted"}
            with http.stream("POST", "/api/chat", headers=headers, json=body) as answer:
                if answer.status_code != 200:
                    answer.read()
                    return Answer(
                        answer.status_code,
                        time.monotonic() - began,
                        retry_after=int(answer.headers["Retry-After"]),
                        last=answer.json()["error"],
                    )
                moments = [(time.monotonic(), line) for line in answer.iter_lines() if line.startswith("data: ")]
            return Answer(200, moments[0][0] - began, moments[-1][0] - moments[0][0], last=moments[-1][1])

        yield ask
    worker.stop()
    web.stop()
    with redis_py.Redis.from_url(url) as connection:
        assert connection.zcard("leases") == 0
        assert connection.llen("rq:queue:turns") == 0


def at_three_times_the_capacity(ask: Callable[[], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(MESSAGES) as pool:
        began, asked = time.monotonic(), []
        for number in range(MESSAGES):
            while time.monotonic() < began + number * EVERY:
                time.sleep(0.001)  # a clock, not a wait
            asked.append(pool.submit(ask))
        return [answer.result() for answer in asked]


def test_at_three_times_the_capacity_accepted_turns_keep_their_speed_and_the_rest_is_refused_at_once(small, figure):
    alone = [small() for _ in range(2)]
    answers = at_three_times_the_capacity(small)
    accepted = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status != 200]

    assert MESSAGES * 0.2 < len(accepted) < MESSAGES * 0.7, len(accepted)
    assert {answer.last for answer in accepted} == {'data: {"type":"complete"}'}
    assert median(answer.said for answer in accepted) < 1.3 * min(answer.said for answer in alone)
    assert max(answer.said for answer in accepted) < 2 * min(answer.said for answer in alone)
    longest = TURN * (QUEUE / THREADS + 1)
    assert max(answer.waited for answer in accepted) < 2 * longest, "nobody waits in vain"

    assert {answer.status for answer in refused} == {503}
    assert all(answer.retry_after > 0 and "queue is full" in answer.last for answer in refused)
    taken = sorted(answer.waited for answer in refused)
    figure(taken[int(len(taken) * 0.95)])
    assert taken[int(len(taken) * 0.95)] < 0.1

    after = small()
    assert (after.status, after.last) == (200, 'data: {"type":"complete"}'), "it has recovered by itself"
    assert after.said < 1.3 * min(answer.said for answer in alone)
