"""A new aomi.yaml without a restart: two webs and two workers take it together, or none does."""

from __future__ import annotations

import signal
import threading

import pytest
import yaml

from tests.support.backend import Backend, configuration, redis_running
from tests.support.client import Client, kinds
from tests.support.commands import aomi
from tests.support.patience import until
from tests.support.servers import Calls, Held, Provider, Text, serving

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def provider():
    return Provider()


@pytest.fixture(scope="module")
def site(tmp_path_factory, provider):
    """The processes, and their file as `site.content`, which `site.write` changes."""
    folder = tmp_path_factory.mktemp("reload")
    with serving(provider.handle) as url, redis_running(folder) as redis_url:
        environment = {"AOMI_CONFIG": str(folder / "aomi.yaml"), "TEST_API_KEY": "sk-x"}
        running = Site(folder, redis_url, environment)
        running.content = configuration(url)
        running.write()
        workers = [running.begin_worker() for _ in range(2)]
        running.masters, running.urls = zip(*(running.web() for _ in range(2)), strict=True)
        running.workers = [running.await_worker(worker) for worker in workers]
        yield running
        running.stop()


class Site(Backend):
    def write(self, text=""):
        with open(self.environment["AOMI_CONFIG"], "w") as file:
            file.write(text or yaml.safe_dump(self.content))

    def app(self):
        return next(app for app in self.content["apps"] if app["id"] == "default")

    def reload(self):
        return aomi("reload", environment=self.environment)


def preambles(site, provider, text, model="scripted"):
    """What the provider was told in turns that began on each web, several at once."""
    provider.script(text, *[[Text(["answer"])]] * 4)
    clients = [Client(url) for url in site.urls * 2]
    streams = [client.chat(text, model=model) for client in clients]
    for stream in streams:
        with stream as events:
            assert kinds(list(events.events())) == ["text", "complete"]
    return {request.messages[0]["content"] for request in provider.requests(text)}


def test_the_next_turns_get_it_on_all_processes_and_a_running_turn_keeps_its_own(site, provider):
    go_on = threading.Event()
    provider.script("began before", [Held(go_on), Calls([("GetCurrentTime", {})])], [Text(["done"])])
    site.app()["preamble"] = "As before."
    site.write()
    assert site.reload().returncode == 0
    with Client(site.urls[0]).chat("began before", model="scripted") as running:
        until(lambda: provider.requests("began before"), what="the first call of the turn")
        site.app()["preamble"] = "As after."
        site.app()["models"] += ["added"]
        added = site.content["model_list"][0] | {"model_name": "added"}
        site.content["model_list"].append(added)
        site.write()
        done = site.reload()
        assert done.returncode == 0, done.stderr
        assert "4 of 4 processes" in done.stdout
        digest = done.stdout.splitlines()[-1].split()[1]
        assert f"{digest} in 4 processes" in aomi("inspect", environment=site.environment).stdout
        assert preambles(site, provider, "begins after", model="added") == {"As after."}
        go_on.set()
        assert kinds(list(running.events()))[-1] == "complete"
    assert [request.messages[0]["content"] for request in provider.requests("began before")] == ["As before."] * 2


def test_a_file_that_is_refused_changes_nothing_and_is_told(site, provider):
    used = preambles(site, provider, "as it is")
    good = yaml.safe_dump(site.content)
    site.write(good.replace("GetCurrentTime", "GetCurrentTme", 1))
    refused = site.reload()
    assert refused.returncode == 2
    assert "aomi.yaml:" in refused.stderr
    assert "GetCurrentTme" in refused.stderr
    assert "Nothing has changed" in refused.stderr
    site.write("model_list: [")
    assert site.reload().returncode == 2
    assert preambles(site, provider, "still as it was") == used
    site.write(good)


def test_sighup_to_any_process_does_the_same_and_ends_no_stream(site, provider):
    go_on = threading.Event()
    provider.script("streams on", [Text(["a"]), Held(go_on), Text(["b"])])
    with Client(site.urls[0]).chat("streams on", model="scripted") as stream:
        stream.next("text")
        for number, process in enumerate([site.masters[0], site.workers[1]]):
            site.app()["preamble"] = f"Signal {number}."
            site.write()
            before = [one.log().count("is taken") for one in site.processes]
            process.send(signal.SIGHUP)
            until(
                lambda before=before: all(
                    one.log().count("is taken") > count for one, count in zip(site.processes, before, strict=True)
                ),
                what="all processes",
            )
            assert preambles(site, provider, f"after signal {number}") == {f"Signal {number}."}
        go_on.set()
        assert kinds(list(stream.events())) == ["text", "complete"]


def test_a_running_turn_keeps_a_background_tool_that_the_new_file_lacks_and_its_later_steps(site, provider, tmp_path):
    """The job of the tool begins after the reload; the app has gone wholly when its later steps come."""
    call, told = threading.Event(), tmp_path / "go on"
    tools = Calls([("CountWhenTold", {"n": 3, "file": str(told)}), ("Recur", {"times": 2, "every": 0.01})])
    provider.script("removed", [Text(["hm"]), Held(call), tools], [Text(["on it"])])
    client, before = Client(site.urls[0]), site.content["apps"]
    scripted = next(app for app in before if app["id"] == "default")
    scripted["tools"] = [*scripted["tools"], "tests.support.tools:CountWhenTold", "tests.support.tools:Recur"]
    site.write()
    assert site.reload().returncode == 0
    with client.updates() as updates, client.chat("removed", model="scripted") as stream:
        stream.until_text("hm")
        scripted["tools"] = scripted["tools"][:3]
        site.write()
        assert site.reload().returncode == 0
        call.set()
        events = list(stream.events())
        results = [event["result"] for event in events if event["type"] == "tool_result"]
        assert sorted(results, key=str) == [1, {"left": 3}]
        site.app()["id"] = "renamed"
        site.write()
        assert site.reload().returncode == 0
        told.touch()
        steps = [updates.next("async_tool_result") for _ in range(3)]
    assert sorted((step["result"] for step in steps), key=str) == [2, {"left": 1}, {"left": 2}]
    scripted["id"] = "default"
    site.write()
    assert site.reload().returncode == 0


@pytest.mark.exhaustive
def test_a_worker_that_came_after_the_reload_leaves_a_call_to_one_that_has_its_tool(tmp_path, provider):
    """The older worker has one thread for background jobs, which a tool of another session holds: the call comes to the
    newer one first, again and again."""
    go_on, call = tmp_path / "go on", threading.Event()
    with serving(provider.handle) as url, redis_running(tmp_path) as redis_url:
        environment = {"AOMI_CONFIG": str(tmp_path / "aomi.yaml"), "TEST_API_KEY": "sk-x", "AOMI_WORKER_THREADS": "1"}
        own = Site(tmp_path, redis_url, environment)
        own.content = configuration(url)
        counts = [f"tests.support.tools:{name}" for name in ("CountWhenTold", "Countdown")]
        own.app()["tools"] = counts
        own.write()
        address, _ = own.web()[1], own.worker()
        held = Calls([("CountWhenTold", {"n": 2, "file": str(go_on)})])
        Client(address).ask(provider.script("hold the thread", [held], [Text(["ok"])]), model="scripted")
        removed = Calls([("Countdown", {"n": 1})])
        text = provider.script("removed", [Text(["hm"]), Held(call), removed], [Text(["done"])])
        with Client(address).chat(text, model="scripted") as stream:
            stream.until_text("hm")
            own.app()["tools"] = []
            own.write()
            assert own.reload().returncode == 0
            newer = own.worker()
            call.set()
            until(lambda: "tool Countdown needs" in newer.log(), what="the call at the newer worker")
            go_on.touch()
            results = [event["result"] for event in stream.events() if event["type"] == "tool_result"]
        own.stop()
    assert results == [{"left": 1}]
