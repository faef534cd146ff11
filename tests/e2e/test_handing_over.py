"""A worker whose aomi.yaml lacks the app of a turn, as while a new one is deployed: another worker runs the turn."""

from __future__ import annotations

import signal
import threading

import pytest
import redis as redis_py
import yaml

from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from app.state.tools.step_calls import StepToolCall, StepToolCalls
from app.turns.queue import Jobs
from app.turns.rq_queue import turn_job_id
from tests.support.backend import Backend, until
from tests.support.client import Client, kinds
from tests.support.servers import Held, Text

pytestmark = pytest.mark.long


@pytest.fixture
def own(tmp_path, config_file, redis_url):
    """A web with the new aomi.yaml, and a worker with an older one, without the app `scripted`."""
    older = yaml.safe_load(config_file.read_text())
    older["apps"] = [app for app in older["apps"] if app["id"] != "scripted"]
    (tmp_path / "older.yaml").write_text(yaml.safe_dump(older))
    environment = {"AOMI_CONFIG": str(config_file), "TEST_API_KEY": "x"}
    running = Backend(tmp_path, redis_url.replace("/0", "/3"), environment)
    running.older = running.worker(AOMI_CONFIG=str(tmp_path / "older.yaml"))
    running.address = running.web()[1]
    yield running
    running.stop()


@pytest.fixture
def queue(own):
    with redis_py.Redis.from_url(own.redis_url) as connection:
        yield connection


def test_a_worker_that_lacks_the_app_or_the_tool_hands_the_job_over(own, queue, provider):
    client = Client(own.address, ApiKeys(Store(queue, Settings())).issue(("*",), "tests"))
    unknown = provider.script("for nobody", [Text(["an answer"])])
    own.older.send(signal.SIGSTOP)
    with client.chat(unknown, app="scripted") as stream:
        job_id = turn_job_id(client.session_id, last_run(queue, client))
        queue.hset(f"rq:job:{job_id}", "number_of_retries", 1000)  # it was handed over often enough
        own.older.send(signal.SIGCONT)
        (error,) = stream.events()
    assert (error["type"], error["code"]) == ("error", "internal")
    assert "'scripted' is not configured" in error["message"]
    assert provider.requests(unknown) == []

    release = threading.Event()
    held = provider.script("held", [Text(["on it"]), Held(release)])
    with client.chat(held, model="scripted") as stream:
        stream.until_text("on it")
        thread = client.state()["thread_id"]
        call = StepToolCall(client.session_id, last_run(queue, client), "c", thread, "scripted", "Countdown", {"n": 1})
        calls = StepToolCalls(Store(queue, Settings()))
        calls.record(call)
        Jobs(queue, 60).steps(call.session_id, call.run_id, call.call_id)
        until(lambda: "tool Countdown needs" in own.older.log())
        assert calls.first_step(call) is None
        release.set()
        assert kinds(list(stream.events())) == ["complete"]

    text = provider.script("for a newer worker", [Text(["an answer"])])
    with client.chat(text, app="scripted") as stream:
        until(lambda: f"turn {last_run(queue, client)} needs" in own.older.log())
        own.worker()
        assert kinds(list(stream.events())) == ["text", "complete"]
    assert provider.requests(text)[0].messages[0]["content"].startswith("Be brief.")


def last_run(queue, client):
    return queue.hget(f"session:{{{client.session_id}}}", "last_run").decode()
