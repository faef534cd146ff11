"""The reply to the enqueuing of a job is lost: the client sends the command again, and the job is enqueued twice."""

from __future__ import annotations

import pytest
import redis as redis_py

from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support.backend import Backend, until
from tests.support.client import Client, kinds
from tests.support.losing import losing_line
from tests.support.servers import Calls, Text

pytestmark = pytest.mark.long

STEPS, TITLE = b"workers.jobs.run_steps", b"workers.jobs.suggest_title"


@pytest.fixture(scope="module")
def own(tmp_path_factory, config_file, redis_url):
    """A web, and a worker that gets no reply to its first enqueuing of each kind of job."""
    own_redis = redis_url.replace("/0", "/2")
    with losing_line(own_redis, STEPS, TITLE) as line:
        environment = {"AOMI_CONFIG": str(config_file), "TEST_API_KEY": "x"}
        running = Backend(tmp_path_factory.mktemp("twice"), own_redis, environment)
        running.worker(REDIS_URL=line.url)
        running.address, running.line = running.web()[1], line
        yield running
        running.stop()


@pytest.fixture
def key(queue):
    return ApiKeys(Store(queue, Settings())).issue(("*",), "tests")


@pytest.fixture
def queue(own):
    with redis_py.Redis.from_url(own.redis_url) as connection:
        yield connection


def all_taken(queue):
    """Whether no background job waits, and at most one runs."""
    return not queue.llen("rq:queue:background") and queue.zcard("rq:wip:background") <= 1


def test_a_job_whose_enqueuing_was_not_confirmed_runs_once(own, queue, provider, key, tmp_path):
    runs = tmp_path / "runs"
    client = Client(own.address, key)
    text = provider.script("stamp", [Calls([("Stamp", {"file": str(runs)})])], [Text(["On it."])])
    with client.updates() as updates:
        assert kinds(client.ask(text, app="scripted"))[-1] == "complete"
        until(lambda: STEPS in own.line.lost and all_taken(queue))
        (tmp_path / "runs.go").touch()
        assert updates.next("async_tool_result")["result"] == "ended"
    until(lambda: not queue.zcard("rq:wip:background"))
    assert runs.read_text() == "run\n"
    title = provider.script("to be named", [Text(["A name"])], [Text(["Another name"])])
    client = Client(own.address, key)
    client.ask(title, app="titled")
    until(lambda: TITLE in own.line.lost and all_taken(queue) and client.state()["title"] == "A name")
    until(lambda: not queue.zcard("rq:wip:background"))
    assert len(provider.requests(title)) == 1
    assert list(queue.scan_iter("rq:job:*")) == []
