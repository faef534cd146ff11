"""Processes come and go: stops, restarts, deaths. What a deploy does to turns."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import threading
import time

import httpx
import pytest
import redis as redis_py

from app.config import Settings
from app.state.accounts.ledger import Ledger
from app.state.scripts import Store
from app.usage import Totals
from app.usage.report import grouped
from tests.support.backend import Backend, redis_running, until
from tests.support.client import PLAIN, Client, kinds, text_of
from tests.support.moments import this_month
from tests.support.patience import patient, setting
from tests.support.servers import Calls, Held, Silence, StepwiseText, Text


@pytest.fixture(scope="module")
def site(tmp_path_factory, config_file):
    """A backend of the module's own: a Redis and a web that stay."""
    environment = {"AOMI_CONFIG": str(config_file), "TEST_API_KEY": "sk-x", "AOMI_LEASE": setting(1), "AOMI_GRACE": "1"}
    folder = tmp_path_factory.mktemp("processes")
    with redis_running(folder) as url:
        running = Backend(folder, url, environment)
        running.address = running.web()[1]
        yield running
        running.stop()


@pytest.fixture
def own(site):
    """The same with an empty Redis; the processes that the test adds end with it."""
    with redis_py.Redis.from_url(site.redis_url) as store:
        store.flushall()
    stay = list(site.processes)
    yield site
    for process in set(site.processes) - set(stay):
        process.kill()
    site.processes = stay


@pytest.fixture
def own_client(own):
    return Client(own.address)


def used(own, model):
    """What turns without a key have used of a model; None before anything is settled."""
    ledger = Ledger(Store(redis_py.Redis.from_url(own.redis_url), Settings()))
    return grouped(ledger.of_key("-", this_month()), "model").get(model)


def test_sigterm_lets_a_running_turn_finish_and_leaves_unbegun_ones_to_others(own, own_client, provider):
    stopping = threading.Event()
    provider.script("finish me", [Text(["a"]), Held(stopping), Text(["b", "c"])])
    first = own.worker(AOMI_GRACE=setting(30))
    with own_client.chat("finish me", model="scripted") as stream:
        stream.next("text")
        first.send(signal.SIGTERM)
        until(lambda: "stopping" in first.log())
        stopping.set()
        other = Client(own_client.url)
        with other.chat("remember 1") as waiting:
            assert text_of(list(stream.events())) == "bc"
            assert first.stop() == 0
            own.worker()
            assert kinds(list(waiting.events())) == ["text", "complete"]


@pytest.mark.long
def test_a_worker_ends_itself_after_its_turns(own, provider):
    """It waits for the longest of them, although AOMI_GRACE is over, and leaves the next message to another worker."""
    going_on = threading.Event()
    provider.script("the longest", [Text(["a"]), Held(going_on), Text(["b"])])
    worker = own.worker(AOMI_WORKER_TURNS="2", AOMI_GRACE="0")
    with Client(own.address).chat("the longest", model="scripted") as longest:
        longest.next("text")
        assert kinds(Client(own.address).ask("remember 1")) == ["text", "complete"]
        with Client(own.address).chat("remember 2") as third:
            with redis_py.Redis.from_url(own.redis_url) as store:
                until(lambda: store.llen("rq:queue:turns") == 1)
            going_on.set()
            assert kinds(list(longest.events())) == ["text", "complete"]
            assert worker.wait() == 0
            own.worker()
            assert kinds(list(third.events())) == ["text", "complete"]


@pytest.mark.long
def test_a_turn_that_outlasts_the_grace_time_ends_with_shutdown_and_its_text_stays(own, own_client, provider, figure):
    provider.script("too long", [Text(["partial"]), Silence()])
    worker = own.worker(AOMI_GRACE="0.5")
    with own_client.chat("too long", model="scripted") as stream:
        stream.next("text")
        worker.send(signal.SIGTERM)
        told = time.monotonic()
        (error,) = list(stream.events())
        figure(time.monotonic() - told)
    assert (error["type"], error["code"], error["retryable"]) == ("error", "shutdown", True)
    assert worker.stop() == 0
    assert own_client.state()["messages"][-1]["content"] == "partial"
    assert provider.requests("too long")[0].hung_up.wait(patient(10))


def test_a_message_that_would_wait_in_vain_is_refused_and_accepted_when_there_is_room_again(own):
    url = own.web(AOMI_MAX_QUEUE="1")[1]
    first, second = Client(url), Client(url)
    with first.chat("remember 1") as waiting:
        refused = second.post("/api/chat", json={"text": "remember 2"})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert "queue is full" in refused.json()["error"]
        assert second.get("/api/state", params={"session_id": second.session_id}).status_code == 404
        own.worker()
        assert kinds(list(waiting.events())) == ["text", "complete"]
    assert kinds(second.ask("remember 2")) == ["text", "complete"]


def test_many_signals_at_once_stop_a_worker_once(own):
    worker = own.worker()
    for _ in range(20):
        worker.send(signal.SIGTERM)
        worker.send(signal.SIGINT)
    assert worker.wait() == 0


def test_a_killed_workers_turn_ends_with_worker_lost_though_no_worker_is_left(own, own_client, provider, figure):
    provider.script("killed", [Text(["so far"]), Silence()])
    other = Client(own_client.url)
    doomed = own.worker()
    with own_client.chat("killed", model="scripted") as stream, own_client.resume() as resumed:
        stream.next("text")
        own.await_record(own_client.session_id)
        doomed.send(signal.SIGKILL)
        killed = time.monotonic()
        with other.chat("remember 1") as unbegun:
            (error,) = list(stream.events())
            figure(time.monotonic() - killed)
            assert (error["code"], error["retryable"]) == ("worker_lost", True)
            assert kinds(list(resumed.events())) == ["text", "error"]
            assert own_client.state()["messages"][-1]["content"] == "so far"
            assert own_client.state()["status"] == "idle"
            lost = until(lambda: used(own, "scripted"))
            assert (lost.calls, lost.output, lost.estimated) == (1, 2, 1)
            assert lost.cost == lost.input * 1_000_000 + lost.output * 2_000_000 > 0
            own.begin_worker()
            assert kinds(list(unbegun.events())) == ["text", "complete"]
    assert own_client.ask("remember 2")[-1] == {"type": "complete"}
    assert len(provider.requests("killed")) == 1
    assert used(own, "scripted") == lost


@pytest.mark.long
def test_a_killed_worker_leaves_what_it_wrote_beside_the_answer_that_was_to_be_made_again(own, own_client, provider):
    provider.script("once more", [Text(["first"])], [Text(["so far"]), Silence()])
    doomed = own.worker()
    own_client.ask("once more", model="scripted")
    first = own_client.state()["messages"][1]["id"]
    with own_client.streaming("POST", "/api/chat", json={"regenerate": True, "model": "scripted"}) as stream:
        stream.next("text")
        doomed.send(signal.SIGKILL)
        (error,) = list(stream.events())
    assert error["code"] == "worker_lost"
    asked, partial = own_client.state()["messages"]
    assert (asked["content"], partial["content"]) == ("once more", "so far")
    assert partial["siblings"] == [first, partial["id"]]


@pytest.mark.long
def test_a_late_worker_cannot_overwrite_the_end_that_another_process_has_written(own, own_client, provider):
    thawed = threading.Event()
    provider.script("late", [Text(["in time"]), Held(thawed), Text(["too late"]), Silence()])
    frozen = own.worker()
    with own_client.streaming("POST", "/api/chat?ids=1", json={"text": "late", "model": "scripted"}) as stream:
        stream.next("text")
        own.await_record(own_client.session_id)
        frozen.send(signal.SIGSTOP)
        try:
            (error,) = list(stream.events())
            assert error["code"] == "worker_lost"
        finally:
            thawed.set()
            frozen.send(signal.SIGCONT)
    assert provider.requests("late")[0].hung_up.wait(patient(10))
    with own_client.resume() as again:
        assert text_of(list(again.events())) == "in time"
    assert own_client.state()["messages"][-1]["content"] == "in time"
    own_client.ask("remember 1")
    until(lambda: used(own, "demo"), what="the worker to have settled what it heard of before")
    assert used(own, "scripted").calls == 1


def test_an_interrupt_races_with_a_workers_death_to_one_end(own, own_client, provider):
    provider.script("dies", [Text(["so far"]), Silence()])
    doomed = own.worker()
    with own_client.chat("dies", model="scripted") as stream:
        stream.next("text")
        doomed.send(signal.SIGKILL)
        assert own_client.interrupt()
        assert list(stream.events()) == [{"type": "complete", "interrupted": True}]
    store = redis_py.Redis.from_url(own.redis_url)
    until(lambda: store.zcard("leases") == 0, what="the lease to be dropped")
    with own_client.resume() as again:
        assert kinds(list(again.events())) == ["text", "complete"]


def test_the_generation_goes_on_when_its_web_is_killed_and_a_resume_elsewhere_is_exact(
    backend, client, provider, figure
):
    pieces = [f"{n} " for n in range(40)]
    provider.script("orphan", [Text(pieces, pause=0.05)])
    process, url = backend.web()
    seen = []
    with client.streaming("POST", "/api/chat?ids=1", url=url, json={"text": "orphan", "model": "scripted"}) as stream:
        seen.append(stream.next())
        process.kill()
        with contextlib.suppress(httpx.TransportError, AssertionError):
            for event in stream.events():
                seen.append(event)  # noqa: PERF402  (a list of them all would be lost with the connection)
    killed = time.monotonic()
    with client.resume(last_id=stream.ids[len(seen) - 1]) as again:  # the id of an event that broke off is read, too
        seen.append(again.next())
        figure(time.monotonic() - killed)
        seen += list(again.events())
    assert text_of(seen) == "".join(pieces)
    assert len(provider.requests("orphan")) == 1


def test_a_turn_whose_job_was_lost_is_enqueued_again(own, own_client):
    store = redis_py.Redis.from_url(own.redis_url)
    with own_client.chat("remember 3") as stream:
        until(lambda: store.llen("rq:queue:turns") == 1)
        store.delete("rq:queue:turns", *store.keys("rq:job:*"))
        own.worker()
        assert kinds(list(stream.events())) == ["text", "complete"]


def test_a_mistake_in_the_settings_stops_every_process_with_its_name(own, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("apps: [{id: shop, model: missing}]")
    worker = own.begin_worker(AOMI_CONFIG=str(broken))
    assert worker.wait() == 2
    assert "broken.yaml" in worker.log()
    assert "'missing'" in worker.log()


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "route",
    [
        pytest.param({"AOMI_LITELLM_STREAM": "wrapper"}, id="litellm's wrapper"),
        pytest.param({"EXPERIMENTAL_OPENAI_BASE_LLM_HTTP_HANDLER": "False"}, id="the OpenAI SDK"),
    ],
)
def test_every_route_through_litellm_gives_the_same_turn(own, own_client, client, provider, route):
    """Each sends chunks of another kind; `client` has the turn of the default route."""
    calls = Calls([("GetCurrentTime", {"timezone": "Nowhere/Land"}), ("GetTokenPrice", "not json")])
    provider.script("compare", [Text(["a ", "b"]), calls], [Text(["c ", "d"])])
    usual = client.ask("compare", model="scripted")
    provider.script("compare", [Text(["a ", "b"]), calls], [Text(["c ", "d"])])
    own.worker(**route)
    told = own_client.ask("compare", model="scripted")
    assert kinds(told) == kinds(usual)
    assert text_of(told) == text_of(usual)
    tools = [sorted(str(e) for e in events if e["type"] == "tool_result") for events in (told, usual)]
    assert tools[0] == tools[1]
    until(lambda: (found := used(own, "scripted")) and found.calls == 2)
    assert used(own, "scripted") == Totals(1, 2, input=14, output=10, cost=34_000_000)


def test_a_web_at_sigterm_ends_its_streams_so_that_clients_resume_elsewhere(backend, client, provider, figure):
    moved = threading.Event()
    pieces = [f"{n} " for n in range(30)]
    provider.script("move over", [Text(pieces[:10]), Held(moved), Text(pieces[10:])])
    process, url = backend.web()
    with client.streaming("POST", "/api/chat?ids=1", url=url, json={"text": "move over", "model": "scripted"}) as s:
        seen = s.until_text("9 ")
        asked = time.monotonic()
        process.send(signal.SIGTERM)
        seen += list(s.events())
        figure(time.monotonic() - asked)
        assert time.monotonic() - asked < patient(2)
    assert kinds(seen) == ["text"]
    moved.set()
    with client.resume(last_id=s.ids[-1]) as again:
        seen += list(again.events())
    assert text_of(seen) == "".join(pieces)
    assert process.wait() == 0
    assert time.monotonic() - asked < patient(5)


def test_a_web_that_drains_serves_on_and_tells_load_balancers(backend, client, provider):
    pieces = StepwiseText(["before ", "after"])
    provider.script("drain", pieces.answer)
    process, url = backend.web(AOMI_DRAIN="60")
    assert client.get("/readyz", url=url).status_code == 200
    with client.streaming("POST", "/api/chat", url=url, json={"text": "drain", "model": "scripted"}) as stream:
        pieces.send()
        stream.next("text")
        process.send(signal.SIGTERM)
        until(lambda: client.get("/readyz", url=url).status_code == 503, what="/readyz to fail")
        assert "stopping" in client.get("/readyz", url=url).json()["error"]
        assert client.get("/healthz", url=url).status_code == 200
        assert kinds(Client(url).ask("count to 2")) == ["text", "complete"]
        pieces.finish()
        assert kinds(list(stream.events())) == ["text", "complete"]
    process.kill()


def test_a_web_ends_its_streams_after_its_drain(backend, client, provider):
    provider.script("drained", [Text(["a"]), Silence()])
    process, url = backend.web(AOMI_DRAIN="0.5")
    with client.streaming("POST", "/api/chat", url=url, json={"text": "drained", "model": "scripted"}) as stream:
        stream.next("text")
        process.send(signal.SIGTERM)
        assert list(stream.events()) == []
    assert process.wait() == 0
    client.interrupt()


def test_idle_update_streams_do_not_hold_a_webs_shutdown(backend):
    process, url = backend.web()
    client = Client(url)
    with client.updates() as updates:
        updates.next("state")
        idle = httpx.Client(timeout=patient(30), **PLAIN)
        assert idle.get(f"{url}/healthz").status_code == 200
        asked = time.monotonic()
        process.send(signal.SIGTERM)
        assert list(updates.events()) == []
        assert process.wait() == 0
        assert time.monotonic() - asked < patient(3)


def test_a_message_whose_body_arrives_while_a_web_stops_is_answered(backend, client):
    """Its connection is no idle one, though the web still waits for the rest of its headers or of its body."""
    process, url = backend.web()
    address = (httpx.URL(url).host, httpx.URL(url).port)
    body = b'{"title": "It arrived"}'
    length = f"Content-Length: {len(body)}\r\n\r\n"
    head = f"PATCH /api/sessions/{client.session_id} HTTP/1.1\r\nHost: x\r\n{length}".encode()
    whole = head + body
    assert client.post("/api/sessions", url=url, json={}).status_code == 200
    with contextlib.ExitStack() as connections:
        idle, *begun = (connections.enter_context(socket.create_connection(address, patient(20))) for _ in range(4))
        cuts = (10, len(head), len(head) + 5)
        for connection, cut in zip(begun, cuts, strict=True):
            connection.sendall(whole[:cut])
        idle.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(65536).endswith(b"\r\n\r\n")
        process.send(signal.SIGTERM)
        assert idle.recv(1) == b"", "an idle connection is closed"
        for connection, cut in zip(begun, cuts, strict=True):
            connection.sendall(whole[cut:])
            assert connection.recv(65536).startswith(b"HTTP/1.1 200"), f"after {cut} bytes"
    assert process.wait() == 0


def test_streams_go_on_when_every_pubsub_connection_is_killed(client, redis, provider):
    pieces = StepwiseText([f"{n} " for n in range(40)])
    provider.script("killed feeds", pieces.answer)
    seen = []
    with client.chat("killed feeds", model="scripted") as stream:
        for last in (9, 19, 29):
            pieces.send(10)
            seen += stream.until_text(f"{last} ")
            redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        pieces.finish()
        seen += list(stream.events())
    assert text_of(seen) == "".join(f"{n} " for n in range(40))


BROKEN_STOP = """
import sys, threading, time
import workers.__main__, workers.process

def stop(self):
    threading.Thread(target=time.sleep, args=(600,)).start()
    raise RuntimeError("broken")

workers.process.Worker.stop = stop
sys.exit(workers.__main__.main())
"""


@pytest.mark.exhaustive
def test_a_worker_that_breaks_as_it_stops_is_gone_all_the_same(backend):
    """Else it would stand there for ever, with a job that hangs, and its supervisor would wait."""
    process = backend._start("worker", [sys.executable, "-c", BROKEN_STOP], {})
    until(lambda: "takes jobs" in process.log(), 60, "worker process")
    assert process.stop() == 1
    assert "unhandled exception while the worker stopped" in process.log()


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["worker", "web"])
def test_systemd_is_told_when_a_process_is_ready(backend, tmp_path, kind):
    """And a worker tells when it stops."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(path))
        supervisor.settimeout(patient(60))
        if kind == "web":
            process, _ = backend.web(NOTIFY_SOCKET=str(path))
        else:
            process = backend.begin_worker(NOTIFY_SOCKET=str(path))
        assert b"READY=1" in supervisor.recv(1024).splitlines()
        if kind == "worker":
            assert "takes jobs" in process.log()
            process.send(signal.SIGTERM)
            assert b"STOPPING=1" in supervisor.recv(1024).splitlines()
        assert process.stop() == 0


BROKEN_LOOP = """
import sys
import app.background, workers.__main__, workers.process
from app.state.connection.pubsub import PubSubListener

def fail(self):
    raise KeyError("broken")

PubSubListener._connect = fail
app.background.BROKEN_SECONDS = 0.5
workers.process.LOOP_CHECK_SECONDS = 0.1
sys.exit(workers.__main__.main())
"""


@pytest.mark.exhaustive
def test_a_worker_with_a_broken_loop_exits(backend):
    """Its supervisor starts another one."""
    process = backend._start("worker", [sys.executable, "-c", BROKEN_LOOP], {})
    assert process.wait() == 1
    assert "LoopBroken" in process.log()
    backend.processes.remove(process)
