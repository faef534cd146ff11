"""Tools that have not begun when their turn ends never begin, and tools that sleep hold no thread."""

from __future__ import annotations

import signal
import threading

import pytest

from tests.support.backend import Backend, redis_running, until
from tests.support.client import Client
from tests.support.patience import setting
from tests.support.servers import Calls, Held, Text


@pytest.fixture(scope="module")
def site(tmp_path_factory, config_file):
    """A backend of the module's own, whose worker has one thread for turns and one for background jobs."""
    folder = tmp_path_factory.mktemp("late-tools")
    environment = {
        "AOMI_CONFIG": str(config_file),
        "TEST_API_KEY": "sk-x",
        "AOMI_LEASE": setting(1),
        "AOMI_TOOL_TIMEOUT": setting(10),
        "AOMI_WORKER_THREADS": "1",
        "AOMI_LONG_SLEEP": "0.1",
        "AOMI_TOOLS_PER_SESSION": "2",
    }
    with redis_running(folder) as url:
        backend = Backend(folder, url, environment)
        yield backend, backend.web()[1], backend.worker()
        backend.stop()


@pytest.fixture
def store(site):
    with site[0].connection() as client:
        yield client


@pytest.fixture
def talk(site):
    """Makes a client with a session of its own."""
    key = site[0].key()
    return lambda: Client(site[1], key)


def test_a_stop_at_a_tool_call_leaves_steps_that_wait_for_a_thread_unbegun(talk, provider, store, tmp_path):
    go_on, journal = tmp_path / "go on", tmp_path / "journal"
    provider.script("hold the lane", [Calls([("CountWhenTold", {"n": 2, "file": str(go_on)})])], [Text(["ok"])])
    talk().ask("hold the lane", app="scripted")
    calls = [("Journal", {"file": str(journal)})] * 3
    provider.script("stop me", [Calls(calls)], [Text(["not reached"])])
    client = talk()
    with client.chat("stop me", app="scripted") as stream:
        stream.next("tool_call")
        assert client.interrupt()
        assert list(stream.events())[-1] == {"type": "complete", "interrupted": True}
    go_on.touch()
    until(lambda: not (store.llen("rq:queue:background") or store.zcard("rq:wip:background")), what="the jobs")
    assert not journal.exists()


def test_a_worker_that_hung_until_its_turn_was_lost_begins_no_tool(site, talk, provider, store, tmp_path):
    worker, journal, go_on = site[2], tmp_path / "journal", threading.Event()
    calls = [("Jot", {"file": str(journal)}), ("Journal", {"file": str(journal)})]
    provider.script("hang", [Text(["a"]), Held(go_on), Calls(calls)], [Text(["not reached"])])
    with talk().chat("hang", app="scripted") as stream:
        stream.next("text")
        worker.send(signal.SIGSTOP)
        store.client_kill_filter(_type="pubsub")  # so that it misses the message that its turn was ended
        assert stream.next("error")["code"] == "worker_lost"
    go_on.set()
    worker.send(signal.SIGCONT)
    until(lambda: "stopped after" in worker.log(), what="the end of the late turn")
    assert not journal.exists()


@pytest.mark.parametrize("tool", ["Recur", "RecurLater"])
def test_tools_that_sleep_leave_the_only_thread_to_others_and_go_on_in_time(site, talk, provider, store, tool):
    watches = [(tool, {"times": 1000, "every": 86400}), (tool, {"times": 4, "every": 0.3})]
    text = provider.script(f"watch for long by {tool}", [Calls(watches)], [Text(["ok"])])
    provider.script("be quick", [Calls([("Countdown", {"n": 3, "every": 0})])], [Text(["ok"])])
    sleeper, other = talk(), talk()
    with sleeper.updates() as updates, other.updates() as news:
        events = sleeper.ask(text, app="scripted")
        assert [event["result"] for event in events if event["type"] == "tool_result"] == [1, 1]
        other.ask("be quick", app="scripted")
        until(lambda: news.next("async_tool_result").get("done"), what="the end of the quick tool")
        steps = [updates.next("async_tool_result")]
        while not steps[-1].get("done"):
            steps.append(updates.next("async_tool_result"))
    assert [step["result"] for step in steps if step["result"]] == [2, 3, 4]
    (asleep,) = store.zrange("sleeping-calls", 0, -1)
    assert asleep.startswith(sleeper.session_id.encode())
    sleeper.request("DELETE", f"/api/sessions/{sleeper.session_id}")
    assert store.zcard("sleeping-calls") == 0


def test_of_a_hundred_watches_as_many_run_as_a_session_may_have(talk, provider, store):
    """The model is told of the others."""
    calls = [("Recur", {"times": 1000, "every": 86400})] * 100
    provider.script("watch everything", [Calls(calls)], [Text(["ok"])])
    client = talk()
    events = client.ask("watch everything", app="scripted")
    results = [event["result"] for event in events if event["type"] == "tool_result"]
    told = {"error": "2 tools of this session run in the background already; wait until one has ended"}
    assert sorted(results, key=str) == [1, 1, *[told] * 98]
    assert store.zcard("sleeping-calls") == 2
    client.request("DELETE", f"/api/sessions/{client.session_id}")


@pytest.mark.long
def test_a_tool_that_sleeps_goes_on_although_its_worker_was_replaced(site, talk, provider):
    backend, _, worker = site
    provider.script("sleep on", [Calls([("Recur", {"times": 2, "every": 3})])], [Text(["ok"])])
    client = talk()
    with client.updates() as updates:
        client.ask("sleep on", app="scripted")
        worker.stop()
        backend.worker()
        assert updates.next("async_tool_result")["result"] == 2
