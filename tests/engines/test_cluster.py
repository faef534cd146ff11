"""State on a cluster of three masters and their replicas, as a user with the documented rights; a queue behind TLS."""

from __future__ import annotations

import re
import signal

import pytest

from app.state import redis_keys, redis_schema
from tests.engines.failing import turns_outlive
from tests.support import commands
from tests.support.backend import free_port, until
from tests.support.client import Client, kinds, text_of
from tests.support.engines import Certificates, Node, RedisCluster, rules, server, stopped_at_last
from tests.support.patience import patient
from tests.support.servers import Calls, Silence, Text

pytestmark = pytest.mark.long


def patterns(rights: list[str], sign: str) -> set[str]:
    return {right[1:] for right in rights if right.startswith(sign)}


@pytest.fixture(scope="module", params=["classic", pytest.param("sharded", marks=pytest.mark.exhaustive)])
def pubsub(request):
    """How a web process subscribes; each way has a cluster of its own, whose master dies at last."""
    return request.param


@pytest.fixture(scope="module")
def nodes(program, pubsub, tmp_path_factory):
    with stopped_at_last(RedisCluster(program, tmp_path_factory.mktemp("cluster"), 1)) as cluster:
        for node in cluster.nodes:
            node.admin.execute_command("ACL SETUSER", *rules("aomi"))
        yield cluster


@pytest.fixture(scope="module")
def queue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("queue")
    certificates = Certificates(folder)
    node = Node(server(), folder, "--tls-port", str(port := free_port()), *certificates.options)
    until(node.answers)
    node.admin.execute_command("ACL SETUSER", *rules("aomi-queue"))
    node.url = f"rediss://aomi-queue:SECRET@127.0.0.1:{port}/0?ssl_ca_certs={certificates.authority}"
    yield node
    node.stop()


@pytest.fixture(scope="module")
def clustered(pubsub, nodes, queue, site):
    url = nodes.url.replace("://", "://aomi:SECRET@")
    with site(nodes, REDIS_URL=url, AOMI_QUEUE_REDIS_URL=queue.url, AOMI_CLUSTER_PUBSUB=pubsub) as running:
        yield running


@pytest.fixture
def client(clustered) -> Client:
    return clustered.client()


def test_the_page_has_the_keys_and_channels_that_there_are():
    known = {re.sub(r"(\{<|<).*", "*", key.pattern) for key in redis_schema.SCHEMA}
    assert patterns(rules("aomi"), "~") == known
    assert patterns(rules("aomi"), "&") == {"session:*", redis_keys.CONTROL, redis_keys.FEED}


def test_sessions_spread_over_the_masters(clustered):
    def has_all():
        return all(node.admin.keys("session:*") for node in clustered.servers.masters)

    for _ in range(100):  # ids are random: with 12 of them, one of 40 runs left a master without any
        assert kinds(clustered.client().ask("remember 1")) == ["text", "complete"]
        if has_all():
            break
    assert has_all()


def test_tools_and_their_later_steps_reach_stream_updates_and_history(client, provider):
    text = provider.script("count", [Calls([("Countdown", {"n": 2}), ("Add", {"a": 1})])], [Text(["ok"])])
    with client.updates() as updates:
        updates.next("state")
        events = client.ask(text, app="scripted")
        step = updates.next("async_tool_result")
    assert {event["name"] for event in events if event["type"] == "tool_result"} == {"Countdown", "Add"}
    assert (kinds(events)[-1], step["result"], step["done"]) == ("complete", {"left": 1}, True)
    until(lambda: [m for m in client.state()["messages"] if m["role"] == "tool"])


def test_an_interrupt_reaches_the_worker_whichever_node_it_listens_to(client, provider):
    text = provider.script("stop me", [Text(["a"]), Silence()])
    with client.chat(text, model="scripted") as stream:
        stream.next("text")
        assert client.interrupt()
        assert stream.next("complete")["interrupted"]
    assert provider.requests(text)[0].hung_up.wait(patient(10))


def test_a_session_is_listed_renamed_and_deleted(clustered, client):
    client.post("/api/sessions", json={"public_key": "0xabc"})
    client.ask("remember 1")
    path = f"/api/sessions/{client.session_id}"
    client.request("PATCH", path, json={"title": "Mine"})
    assert [found["title"] for found in client.get("/api/sessions", params={"public_key": "0xabc"}).json()] == ["Mine"]
    assert client.request("DELETE", path).status_code == 200
    assert not any(node.admin.keys(f"*{client.session_id}*") for node in clustered.servers.masters)


def test_a_stream_goes_on_when_every_pubsub_connection_is_killed(clustered, client, provider):
    pieces = [f"{number} " for number in range(30)]
    text = provider.script("cut off", [Text(pieces, pause=0.03)])
    with client.chat(text, model="scripted") as stream:
        first = stream.next("text")
        for node in clustered.servers.nodes:
            node.admin.execute_command("CLIENT KILL", "TYPE", "pubsub")
        events = [first, *stream.events()]
    assert (text_of(events), kinds(events)) == ("".join(pieces), ["text", "complete"])


@pytest.mark.parametrize(
    ("words", "said"), [(("keys", "list"), "tests"), (("inspect",), "open turns"), (("inspect", "workers"), "turns")]
)
def test_an_operator_reads_both(clustered, words, said):
    ran = commands.aomi(*words, environment=clustered.backend.environment)
    assert (ran.returncode, said in ran.stdout) == (0, True), ran.stderr


def test_nothing_was_refused_to_the_two_users(clustered, queue):
    assert [node.admin.acl_log() for node in [*clustered.servers.nodes, queue]] == [[]] * 7


def test_turns_outlive_the_death_of_a_master(clustered, provider, figure):
    figure(turns_outlive(clustered, provider, lambda key: clustered.servers.owner(key).stop(signal.SIGKILL)))
