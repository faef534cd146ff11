"""Three times as many messages as can be answered: what is accepted keeps its speed, the rest is told at once."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

import httpx
import pytest
import redis as redis_py

from tests.support.client import PLAIN
from tests.support.patience import kept, patient, until
from tests.support.servers import Held, Text

pytestmark = pytest.mark.long

THREADS, QUEUE = 4, 4
PIECES, PAUSE = 12, 0.05
TURN = PIECES * PAUSE
EVERY = TURN / THREADS / 3
"""Seconds between two messages, when they are three times as many as the worker's threads can answer."""

MESSAGES = int(3 / EVERY)

COMPLETE = 'data: {"type":"complete"}'


@dataclass
class Answer:
    """What became of a message: its status, when the answer began to be said and how long it took, in seconds."""

    status: int
    waited: float
    said: float = 0.0
    retry_after: int = 0
    last: str = ""


class Small:
    """A web and a worker that can do little, and their Redis."""

    def __init__(self, http: httpx.Client, redis: redis_py.Redis) -> None:
        self.redis = redis
        self._http = http

    def ask(self, text: str) -> Answer:
        headers, began = {"X-Session-Id": str(uuid.uuid4())}, time.monotonic()
        body = {"text": text, "model": "scripted"}
        with self._http.stream("POST", "/api/chat", headers=headers, json=body) as answer:
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

    def ask_at_three_times_the_capacity(self, text: str) -> list[Answer]:
        with ThreadPoolExecutor(MESSAGES) as pool:
            began, asked = time.monotonic(), []
            for number in range(MESSAGES):
                while time.monotonic() < began + number * EVERY:
                    time.sleep(0.001)  # a clock, not a wait
                asked.append(pool.submit(self.ask, text))
            return [answer.result() for answer in asked]


@pytest.fixture(scope="module")
def small(backend, redis_url):
    url = redis_url.replace("/0", "/7")
    more = {"REDIS_URL": url, "AOMI_WORKER_THREADS": str(THREADS), "AOMI_MAX_QUEUE": str(QUEUE)}
    worker = backend.begin_worker(**more)
    web, base = backend.web(**more)
    until(lambda: "takes jobs" in worker.log(), 40, "worker process")
    limits = httpx.Limits(max_connections=None)
    with (
        httpx.Client(base_url=base, timeout=patient(30), limits=limits, **PLAIN) as http,
        redis_py.Redis.from_url(url) as connection,
    ):
        yield Small(http, connection)
        worker.stop()
        web.stop()
        assert connection.zcard("leases") == 0
        assert connection.llen("rq:queue:turns") == 0


def is_refusal(answer: Answer) -> bool:
    return answer.status == 503 and answer.retry_after > 0 and "queue is full" in answer.last


def test_while_the_queue_is_full_messages_are_refused_at_once_and_accepted_ones_are_answered(small, provider, figure):
    release = threading.Event()
    held = provider.script("held up", [Held(release), Text(["at last"])])

    def refuse() -> float:
        refused = [small.ask("one too many") for _ in range(20)]
        assert all(map(is_refusal, refused)), refused
        return sorted(answer.waited for answer in refused)[18]

    with ThreadPoolExecutor(THREADS + QUEUE) as pool:
        running = [pool.submit(small.ask, held) for _ in range(THREADS)]
        until(lambda: len(provider.requests(held)) == THREADS, what="the turns to run")
        waiting = [pool.submit(small.ask, held) for _ in range(QUEUE)]
        until(lambda: small.redis.llen("rq:queue:turns") == QUEUE, what="the queue to be full")
        try:
            kept(0.1, refuse, figure)
        finally:
            release.set()
        answered = [answer.result() for answer in running + waiting]
    assert [(answer.status, answer.last) for answer in answered] == [(200, COMPLETE)] * (THREADS + QUEUE)
    assert small.ask("it has recovered by itself").last == COMPLETE


def test_at_three_times_the_capacity_accepted_turns_keep_their_speed(small, provider):
    text = provider.script("overload", [Text(["word "] * PIECES, PAUSE)])

    def worst() -> float:
        """By how much of its bound, at most, a figure of the accepted turns differs from that of a turn alone."""
        alone = min(small.ask(text).said for _ in range(2))
        answers = small.ask_at_three_times_the_capacity(text)
        accepted = [answer for answer in answers if answer.status == 200]
        assert THREADS + QUEUE <= len(accepted) < MESSAGES
        assert {answer.last for answer in accepted} == {COMPLETE}
        assert all(is_refusal(answer) for answer in answers if answer.status != 200)
        said = [answer.said / alone for answer in accepted]
        waited = max(answer.waited for answer in accepted) / (TURN * (QUEUE / THREADS + 1))
        return max(median(said) / 1.3, max(said) / 2, waited / 2)

    kept(1, worst)
    assert small.ask(text).last == COMPLETE
