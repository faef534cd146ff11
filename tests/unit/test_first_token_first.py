"""What can wait until the first token is on its way comes behind it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from app.catalog import Catalog, Model
from app.config import Settings
from tests.support.patience import patient
from tests.support.servers import serving
from workers import thread_worker
from workers.cancellation import CancelToken
from workers.models import call, models, warm_up
from workers.models.models import Models
from workers.models.prompt import Conversation
from workers.models.request import CallObserver, ModelRequest
from workers.thread_worker import LULL_SECONDS, ThreadWorker

LONG = 0.3
MODEL = "openai/m"


class Provider:
    """Answers with two pieces: the second one when `go_on` is set, the first one when `answer` is; or `at_once`."""

    def __init__(self) -> None:
        self.may_answer = self.at_once = False
        self.asked, self.answer, self.go_on = threading.Event(), threading.Event(), threading.Event()
        self.answer.set()
        self.go_on.set()

    def handle(self, request) -> None:
        """One request."""
        request.rfile.read(int(request.headers["Content-Length"]))
        self.asked.set()
        self.may_answer = self.answer.wait(patient(10))
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.end_headers()
        pieces = [
            b'data: {"choices":[{"index":0,"delta":%b,"finish_reason":%b}]}\n\n' % piece
            for piece in ((b'{"content":"a"}', b"null"), (b'{"content":"b"}', b"null"), (b"{}", b'"stop"'))
        ]
        for piece in [b"".join(pieces)] if self.at_once else pieces:
            request.wfile.write(piece)
            request.wfile.flush()
            self.go_on.wait(patient(10))
        request.close_connection = True


@pytest.fixture
def provider():
    return Provider()


@pytest.fixture
def ask(provider, monkeypatch):
    """Ask the model; the observer's callbacks are given."""
    monkeypatch.setattr(warm_up, "warm_up", lambda *_: None)
    with serving(provider.handle) as url:
        params = {"model": MODEL, "api_base": f"{url}/v1", "api_key": "none"}
        asked = Models(Catalog([], [Model(model_name="m", litellm_params=params)]), Settings())
        asked.start()
        messages = [{"id": "1", "role": "user", "content": "hi", "created_at": ""}]
        request = ModelRequest("m", Conversation("", messages=messages))
        yield lambda **callbacks: asked.stream(request, CallObserver(**callbacks), CancelToken())
        asked.stop()


def test_a_call_is_recorded_behind_its_request(provider, ask, monkeypatch):
    monkeypatch.setattr(models, "RECORD_AFTER_SECONDS", patient(10))
    seen = []

    def on_start(_):
        seen.append(provider.asked.is_set())
        return lambda _: None

    assert ask(on_start=on_start).text == "ab"
    assert seen == [True]


def test_a_call_is_recorded_while_its_answer_is_waited_for(provider, ask):
    provider.answer.clear()

    def on_start(_):
        provider.answer.set()
        return lambda _: None

    assert ask(on_start=on_start).text == "ab"
    assert provider.may_answer


@pytest.mark.parametrize("at_once", [False, True])
def test_behind_the_first_text_the_loop_pauses(provider, ask, monkeypatch, at_once):
    provider.at_once = at_once
    monkeypatch.setattr(call, "FIRST_PAUSE", LONG)
    provider.go_on.clear()
    came = []

    def on_text(_):
        came.append(time.monotonic())
        provider.go_on.set()

    ask(on_text=on_text)
    first, second = came
    assert second - first >= LONG


@pytest.mark.parametrize(("waited", "pause"), [(2 * LULL_SECONDS, LULL_SECONDS), (0.0, 0.0)])
def test_a_worker_that_waited_for_a_job_leaves_it_the_processor(waited, pause, monkeypatch):
    clock = iter([0.0, waited])
    monkeypatch.setattr(thread_worker, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    worker = worker_with(SimpleNamespace(id="turn"))
    worker._dequeue_job()
    assert worker._dequeuing.pause == pause


def test_a_worker_that_got_no_job_waits_for_the_next_one_at_once(monkeypatch):
    clock = iter([0.0, 1.0])
    monkeypatch.setattr(thread_worker, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    worker = worker_with(None)
    worker._dequeue_job()
    assert worker._dequeuing.pause == 0.0


def worker_with(job) -> ThreadWorker:
    """A worker whose queue has this job, which is not run."""
    worker = ThreadWorker.__new__(ThreadWorker)
    worker._registered, worker._free_threads = threading.Event(), threading.Semaphore(1)
    worker._registered.set()
    worker._dequeuing = SimpleNamespace(stopping=False, pause=1.0)
    worker._taken, worker._running, worker._limit = iter([1]), set(), thread_worker.NO_LIMIT
    worker._pool = SimpleNamespace(submit=lambda *_: Future())
    worker.next_job = lambda _: job
    return worker
