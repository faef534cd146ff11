"""Processes come and go: stops, restarts, deaths. What a deploy does to turns."""

from __future__ import annotations

import signal
import time

import httpx
import pytest

from tests.support.backend import Backend, redis_running, until
from tests.support.client import Client, kinds, text_of
from tests.support.servers import Silence, Text


@pytest.fixture
def own(tmp_path, config_file):
    """A backend of the test's own, whose processes it may stop."""
    environment = {"AOMI_CONFIG": str(config_file), "TEST_API_KEY": "sk-x", "AOMI_LEASE": "1", "AOMI_GRACE": "1"}
    with redis_running(tmp_path) as url:
        running = Backend(tmp_path, url, environment)
        yield running
        running.stop()


@pytest.fixture
def own_client(own):
    return Client(own.web()[1])


def test_sigterm_lets_a_running_turn_finish_and_leaves_unbegun_ones_to_others(own, own_client, provider):
    provider.script("finish me", [Text(["a", "b", "c"], pause=0.2)])
    first = own.worker(AOMI_GRACE="10")
    with own_client.chat("finish me", model="scripted") as stream:
        stream.next("text")
        first.send(signal.SIGTERM)
        until(lambda: "stopping" in first.log())
        other = Client(own_client.url)
        with other.chat("remember 1") as waiting:
            assert text_of(list(stream.events())) == "bc"
            assert first.stop() == 0
            own.worker()
            assert kinds(list(waiting.events())) == ["text", "complete"]


def test_a_turn_that_outlasts_the_grace_time_ends_with_shutdown_and_its_text_stays(own, own_client, provider):
    provider.script("too long", [Text(["partial"]), Silence(30)])
    worker = own.worker(AOMI_GRACE="0.5")
    with own_client.chat("too long", model="scripted") as stream:
        stream.next("text")
        worker.send(signal.SIGTERM)
        (error,) = list(stream.events())
    assert (error["type"], error["code"], error["retryable"]) == ("error", "shutdown", True)
    assert worker.stop() == 0
    assert own_client.state()["messages"][-1]["content"] == "partial"
    assert provider.requests("too long")[0].hung_up.wait(2)


def test_a_killed_workers_turn_ends_with_worker_lost_and_the_session_goes_on(own, own_client, provider):
    provider.script("killed", [Text(["so far"]), Silence(30)])
    doomed, _other = own.worker(), None
    with own_client.chat("killed", model="scripted") as stream:
        stream.next("text")
        own.worker()
        doomed.send(signal.SIGKILL)
        (error,) = list(stream.events())
    assert (error["code"], error["retryable"]) == ("worker_lost", True)
    assert own_client.state()["messages"][-1]["content"] == "so far"
    assert own_client.ask("remember 2")[-1] == {"type": "complete"}


def test_a_turn_whose_job_was_lost_is_enqueued_again(own, own_client):
    import redis

    store = redis.Redis.from_url(own.redis_url)
    with own_client.chat("remember 3") as stream:
        until(lambda: store.llen("rq:queue:turns") == 1)
        store.delete("rq:queue:turns", *store.keys("rq:job:*"))
        own.worker()
        assert kinds(list(stream.events())) == ["text", "complete"]


def test_a_web_at_sigterm_ends_its_streams_so_that_clients_resume_elsewhere(own, own_client, provider):
    provider.script("move over", [Text([f"{n} " for n in range(30)], pause=0.05)])
    own.worker()
    process, url = own.web()
    with own_client.streaming("POST", "/api/chat?ids=1", url=url, json={"text": "move over", "model": "scripted"}) as s:
        seen = [s.next(), s.next()]
        asked = time.monotonic()
        process.send(signal.SIGTERM)
        seen += list(s.events())
        assert time.monotonic() - asked < 2
    assert kinds(seen) == ["text"]
    with own_client.resume(last_id=s.ids[-1]) as again:
        seen += list(again.events())
    assert text_of(seen) == "".join(f"{n} " for n in range(30))
    assert process.stop() == 0
    assert time.monotonic() - asked < 5


def test_streams_go_on_when_every_pubsub_connection_is_killed(own, own_client, provider):
    import redis

    provider.script("killed feeds", [Text([f"{n} " for n in range(40)], pause=0.04)])
    own.worker()
    store = redis.Redis.from_url(own.redis_url)
    with own_client.chat("killed feeds", model="scripted") as stream:
        seen = [stream.next("text")]
        for _ in range(3):
            seen.append(stream.next("text"))
            store.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        seen += list(stream.events())
    assert text_of(seen) == "".join(f"{n} " for n in range(40))


def test_a_provider_that_stalls_is_given_up(own, own_client, provider):
    provider.script("stalls", [Text(["before"]), Silence(30)])
    own.worker(AOMI_STALL_TIMEOUT="0.7")
    events = own_client.ask("stalls", model="scripted")
    assert kinds(events) == ["text", "error"]
    assert (events[1]["code"], events[1]["retryable"]) == ("provider_stalled", True)
    assert provider.requests("stalls")[0].hung_up.wait(2)


def test_the_wrapper_gives_the_same_turn_as_the_stream_inside_it(own, own_client, provider):
    from tests.support.servers import Calls

    calls = Calls([("GetCurrentTime", {"timezone": "Nowhere/Land"}), ("GetCurrentTime", {})])
    answers = [Text(["a ", "b"]), calls], [Text(["c ", "d"])]
    told = []
    for way in ("inner", "wrapper"):
        worker = own.worker(AOMI_LITELLM_STREAM=way)
        provider.script(f"by {way}", *answers)
        events = Client(own_client.url).ask(f"by {way}", model="scripted")
        told.append([e["type"] for e in events if e["type"] != "text"] + [text_of(events)])
        assert worker.stop() == 0
    assert told[0] == told[1] == ["tool_call"] * 2 + ["tool_result"] * 2 + ["complete", "a bc d"]


@pytest.mark.parametrize("flag", ["True", "False"])
def test_every_route_of_litellm_gives_the_same_turn(own, own_client, provider, flag):
    """litellm's own HTTP handler and the OpenAI SDK under it send different chunks."""
    own.worker(EXPERIMENTAL_OPENAI_BASE_LLM_HTTP_HANDLER=flag)
    text = provider.script(f"route {flag}", [Text(["x ", "y"])])
    assert text_of(own_client.ask(text, model="scripted")) == "x y"


def test_a_mistake_in_the_settings_stops_every_process_with_its_name(own, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("apps: [{id: shop, model: missing}]")
    worker = own._start("worker", [__import__("sys").executable, "-m", "workers"], {"AOMI_CONFIG": str(broken)})
    assert worker.stop(signal.SIGCONT) == 2
    assert "broken.yaml" in worker.log()
    assert "'missing'" in worker.log()


def test_idle_update_streams_do_not_hold_a_webs_shutdown(own):
    process, url = own.web()
    client = Client(url)
    with client.updates() as updates:
        updates.next("state")
        idle = httpx.Client()
        assert idle.get(f"{url}/healthz").status_code == 200
        asked = time.monotonic()
        process.send(signal.SIGTERM)
        assert list(updates.events()) == []
        assert process.stop() == 0
        assert time.monotonic() - asked < 3
