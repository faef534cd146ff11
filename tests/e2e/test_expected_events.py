"""A stream listens to its turn before the turn is there: it reads no log, and leaves no subscription behind."""

from __future__ import annotations

import uuid
from types import SimpleNamespace

import pytest

from app import create_app, services
from app.config import Settings
from app.events import sse
from app.state import redis_keys
from app.state.turns.run_records import EventBatch
from app.state.turns.turn_requests import TurnRequest
from tests.support.backend import DEMO_ALONE, until


@pytest.fixture(params=["", "site:"], ids=["", "prefix"])
def web(request, redis_url, tmp_path):
    """A web process, its Redis and a session; nobody runs its turns."""
    config, url = tmp_path / "aomi.yaml", redis_url.replace("/0", "/12")
    config.write_text(DEMO_ALONE)
    parts = services.build(Settings(REDIS_URL=url, config=config, metrics=False, redis_prefix=request.param))
    session_id, http = str(uuid.uuid4()), create_app(parts).test_client()

    def send(headers=None, **body):
        body = {"text": "hello"} | body
        return http.post("/api/chat", headers={"X-Session-Id": session_id} | (headers or {}), json=body, buffered=False)

    yield SimpleNamespace(parts=parts, session_id=session_id, send=send)
    parts.runs._redis.close()


@pytest.fixture
def reads(web, monkeypatch):
    """The reads of logs so far: a list that grows."""
    seen, entries = [], web.parts.runs.entries

    def counted(*args):
        seen.append(args)
        return entries(*args)

    monkeypatch.setattr(type(web.parts.runs), "entries", lambda _, *args: counted(*args))
    return seen


def channels(web):
    return web.parts.hub._listener._channels


def run_turn(web):
    """As a worker does: two events and the end."""
    run = web.parts.runs.last(web.session_id)
    claimed = web.parts.runs.claim(web.session_id, run, "worker")
    web.parts.runs.append([EventBatch(web.session_id, run, 1, [sse.text("so far")], claim=claimed.claim)])
    web.parts.turns.end_claimed(claimed, sse.complete())


def test_the_stream_of_a_new_turn_reads_no_log(web, reads):
    with web.parts.hub.subscribe("warm-up"):
        pass  # the gap of the first connection is over
    with web.send() as response:
        run_turn(web)
        assert b"".join(response.response).count(b"data:") == 2
    assert reads == []
    assert (web.parts.hub.open_streams, channels(web)) == (0, {})


def test_the_stream_of_a_turn_that_was_not_heard_reads_it(web, reads, monkeypatch):
    monkeypatch.setattr(web.parts.hub, "heard", lambda _: None)
    with web.send() as response:
        run_turn(web)
        assert b"".join(response.response).count(b"data:") == 2
    assert reads


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, {"thread_id": "thread_x"}, 404),
        ({}, {"on_busy": "reject"}, 409),
        ({"Prefer": "respond-async"}, {}, 202),
        ({"Idempotency-Key": "reused"}, {"text": "another"}, 409),
    ],
)
def test_a_request_that_gets_no_stream_leaves_no_subscription(web, headers, body, status):
    web.send({"Idempotency-Key": "reused", "Prefer": "respond-async"})
    assert web.send(headers, **body).status_code == status
    assert (web.parts.hub.open_streams, web.parts.hub._expected, channels(web)) == (0, {}, {})


def test_a_stream_of_a_turn_that_was_sent_before_has_one_subscription(web):
    web.send({"Idempotency-Key": "twice", "Prefer": "respond-async"})
    with web.send({"Idempotency-Key": "twice"}) as response:
        next(iter(response.response))
        run = web.parts.runs.last(web.session_id)
        until(lambda: set(channels(web)) <= {redis_keys.log(web.session_id, run)}, what="one subscription")
        run_turn(web)
        assert b"".join(response.response).count(b"data:") == 2
    assert (web.parts.hub.open_streams, channels(web)) == (0, {})


def test_a_turn_is_heard_by_a_subscriber_of_its_channel_alone(web):
    message = TurnRequest("hello", "default", "demo", run_id="run_1", idempotency_key="key", body=b"hello")
    with web.parts.hub.subscribe(redis_keys.log("s", "run_1")):
        assert web.parts.turns.send("s", message).is_heard
        assert not web.parts.turns.send("s", message).is_heard
        assert web.parts.turns.send("s", TurnRequest("x", "default", "demo", run_id="run_2")).is_heard is False
