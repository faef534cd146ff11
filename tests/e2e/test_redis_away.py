"""Redis restarts, hangs or goes away while turns run: nothing crashes, nothing is lost that it has kept."""

from __future__ import annotations

import signal
import threading

import pytest
import redis as redis_py

from tests.support.backend import AppendOnlyRedis, Backend, until
from tests.support.client import Client, kinds, text_of
from tests.support.patience import patient, setting
from tests.support.remains import standing_in
from tests.support.resuming import read_to_the_end
from tests.support.servers import Held, Text

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def append_only(tmp_path_factory):
    server = AppendOnlyRedis(tmp_path_factory.mktemp("append-only"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def own(tmp_path_factory, config_file, append_only):
    environment = {
        "AOMI_CONFIG": str(config_file),
        "TEST_API_KEY": "x",
        "AOMI_LEASE": setting(4),
        "AOMI_KEEP_ALIVE": "0.5",
    }
    running = Backend(tmp_path_factory.mktemp("redis-away"), append_only.url, environment)
    running.worker()
    running.address = running.web()[1]
    yield running
    running.stop()


@pytest.fixture
def own_client(own):
    return Client(own.address)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_in_the_middle_of_a_turn_loses_and_doubles_nothing(own, own_client, append_only, provider, number):
    pieces = [f"{n} " for n in range(60)]
    text = provider.script(f"restart {number}", [Text(pieces, pause=0.05)])

    def restart():
        until(lambda: provider.requests(text))
        append_only.stop(number)
        append_only.start()

    thread = threading.Thread(target=restart)
    thread.start()
    events = read_to_the_end(own_client, {"text": text, "model": "scripted"})
    thread.join()
    assert text_of(events) == "".join(pieces)
    assert kinds(events)[-1] == "complete"
    assert own_client.state()["messages"][-1]["content"] == "".join(pieces)


def test_while_redis_is_away_requests_are_refused_at_once_and_then_all_goes_on(own, own_client, append_only, figure):
    own_client.ask("remember 1")
    append_only.stop()
    for answer in (own_client.get("/api/state"), own_client.post("/api/chat", json={"text": "x"})):
        assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True)
        figure(answer.elapsed.total_seconds())
        assert answer.elapsed.total_seconds() < patient(2)
    late = own.begin_worker()
    until(lambda: "retrying until it succeeds" in late.log(), 40, "a worker that starts meanwhile")
    append_only.start()
    until(lambda: own_client.get("/api/session/models").status_code == 200)
    assert kinds(own_client.ask("remember 2")) == ["text", "complete"]
    assert all(process.alive for process in own.processes)


def test_a_redis_that_hangs_is_noticed_and_forgiven(own, own_client, append_only, figure):
    append_only.process.send_signal(signal.SIGSTOP)
    try:
        answer = own_client.get("/api/state")
        assert answer.status_code == 503
        figure(answer.elapsed.total_seconds())
        assert answer.elapsed.total_seconds() < patient(2)
    finally:
        append_only.process.send_signal(signal.SIGCONT)
    assert kinds(own_client.ask("remember 3")) == ["text", "complete"]


def test_a_redis_that_takes_no_writes_counts_as_away(own, own_client, append_only, provider):
    """As one does whose disk is full, or whose replicas are gone."""
    pieces = [f"{n} " for n in range(40)]
    refusing = threading.Event()
    text = provider.script("no writes", [Text(pieces[:5]), Held(refusing), Text(pieces[5:], pause=0.05)])

    def refuse_writes():
        until(lambda: provider.requests(text))
        set_replicas_needed(append_only, 1)
        refusing.set()
        try:
            refused.append(Client(own.address).post("/api/chat", json={"text": "x"}).status_code)
            until(lambda: "turns queue failed (Refusing)" in own.processes[0].log())
            assert not_ready(own_client) == "Redis takes no writes: NOREPLICAS, too few of its replicas are connected"
        finally:
            set_replicas_needed(append_only, 0)

    refused: list[int] = []
    thread = threading.Thread(target=refuse_writes)
    thread.start()
    events = read_to_the_end(own_client, {"text": text, "model": "scripted"})
    thread.join()
    assert (text_of(events), kinds(events)[-1]) == ("".join(pieces), "complete")
    assert refused == [503]
    assert all(process.alive for process in own.processes)


def test_in_a_full_memory_sessions_are_deleted_and_readyz_says_why_nothing_else_goes_on(own, append_only, provider):
    user, release = Client(own.address), threading.Event()
    text = provider.script("full memory", [Text(["a "]), Held(release)])
    with user.chat(text, model="scripted") as stream:
        stream.until_text("a ")
        configure(append_only, "maxmemory", 1)
        try:
            assert not_ready(user) == "Redis takes no writes: OOM, its memory is full (maxmemory)"
            assert user.post("/api/chat", json={"text": "x"}).status_code == 503
            assert user.request("DELETE", f"/api/sessions/{user.session_id}").status_code == 200
            assert kinds(list(stream.events()))[-1] == "complete"
        finally:
            configure(append_only, "maxmemory", 0)
            release.set()
    until(lambda: user.get("/readyz").status_code == 200)
    with redis_py.Redis.from_url(append_only.url) as admin:
        until(lambda: not standing_in(admin, user.session_id), what="the end of the turn's job")


def not_ready(client):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    return answer.json()["error"]


def set_replicas_needed(server, number):
    configure(server, "min-replicas-to-write", number)


def configure(server, name, value):
    with redis_py.Redis.from_url(server.url) as admin:
        admin.config_set(name, value)
