"""AOMI_REDIS_PREFIX: sites on one Redis keep apart, and nobody but the clients knows it."""

from __future__ import annotations

import queue

import pytest
from redis.crc import key_slot
from rq import Retry
from rq.job import JobStatus

from app.config import Settings
from app.state import redis_keys, redis_schema
from app.state.accounts.counters import Counters, Report
from app.state.connection import clients
from app.state.connection.prefix import KEYS, Prefix
from app.state.connection.pubsub import PubSubListener
from app.state.inspection import Inspection
from app.state.passes import Passes
from app.state.scripts import Store
from app.state.sessions import Sessions
from app.turns.rq_queue import BACKGROUND, open_queue
from tests.support.patience import patient, until
from workers.thread_worker import ThreadWorker


@pytest.fixture
def site_settings(redis_url, single):
    """Two sites on one Redis."""
    single.flushdb()
    return [Settings(REDIS_URL=redis_url.replace("/0", "/1"), redis_prefix=prefix) for prefix in ("a:", "b:")]


@pytest.fixture
def sites(site_settings):
    """Their clients."""
    opened = [clients.commands(settings) for settings in site_settings]
    yield opened
    for client in opened:
        client.close()


def test_redis_says_the_same_of_where_the_keys_of_a_command_are(single):
    known = filter(None, single.execute_command("COMMAND INFO", *KEYS))
    places = {name.decode().upper(): (first, last, step) for name, _, _, first, last, step, *_ in known}
    assert len(places) > len(KEYS) - 3  # an older server lacks some
    for name, (first, last, step) in places.items():
        assert (KEYS[name], step) == (slice(first, None if last == -1 else last + 1), 1), name


def test_a_tag_has_its_slot_with_every_prefix():
    """What a script or a transaction has together, and what must share a node, still does."""
    tagged = [key.pattern for key in redis_schema.SCHEMA if "{" in key.pattern]
    for name in (*tagged, *redis_keys.HASH_TAGS):
        assert key_slot(Prefix("a:").name(name).encode()) == key_slot(name.encode()), name


@pytest.mark.parametrize("name", [pattern.pattern for pattern in redis_schema.SCHEMA])
def test_a_name_comes_back_as_it_was(name):
    known = Prefix("a:").name(name)
    assert known.startswith("a:")
    assert Prefix("a:").plain(known.encode()) == name.encode()


def test_no_prefix_changes_nothing(redis_url):
    client = clients.commands(Settings(REDIS_URL=redis_url))
    assert type(client).__name__ == "Redis"
    assert Prefix("").name("leases") == "leases"
    client.close()


def test_commands_pipelines_transactions_and_scripts_have_it(sites, single):
    for site, value in zip(sites, ("1", "2"), strict=True):
        site.set("string", value)
        site.zadd(redis_keys.LEASES, {value: 1})
        with site.pipeline() as pipeline:
            pipeline.watch("string", "other")
            pipeline.hset("hash", mapping={"was": pipeline.get("string")})
            pipeline.multi()
            pipeline.hset("hash", mapping={"is": value})
            pipeline.execute()
        site.register_script("return redis.call('SET', KEYS[1], ARGV[1])")(["scripted"], ["string"])
        site.pipeline(transaction=False).rpush("list", "string").lmove("list", "moved").execute()
    names = {b"string", b"{leases}", b"hash", b"scripted", b"moved"}
    assert set(single.scan_iter()) == {prefix + name for prefix in (b"a:", b"b:") for name in names}
    assert [site.hgetall("hash") for site in sites] == [{b"was": b"1", b"is": b"1"}, {b"was": b"2", b"is": b"2"}]
    assert [site.get("scripted") for site in sites] == [b"string"] * 2


def test_a_scan_finds_the_names_of_its_site_without_it(sites, single):
    first, second = sites
    first.hset("session:{s}", "id", "s")
    second.hset("session:{t}", "id", "t")
    first.set("leases", 1)
    single.set("session:{u}", 1)
    assert set(first.scan_iter()) == {b"session:{s}", b"leases"}
    assert list(first.scan_iter("session:*", count=1, _type="HASH")) == [b"session:{s}"]
    assert list(second.scan_iter(match="*{s}*")) == []


@pytest.mark.parametrize("command", [("FLUSHDB",), ("KEYS", "*"), ("BLPOP", "list", 0), ("GETDEL", "string")])
def test_a_command_that_is_not_known_is_not_sent(sites, single, command):
    single.rpush("list", 1)
    single.set("string", 1)
    for each in (sites[0], sites[0].pipeline()):
        with pytest.raises(NotImplementedError, match=command[0]):
            each.execute_command(*command)
    assert single.dbsize() == 2


def test_a_pipeline_does_not_scan_and_a_client_for_commands_does_not_subscribe(sites):
    with pytest.raises(NotImplementedError):
        sites[0].pipeline().scan()
    with pytest.raises(NotImplementedError):
        sites[0].pubsub()


def test_a_message_reaches_the_listeners_of_its_site_alone(sites, redis_url):
    heard: dict[str, queue.SimpleQueue] = {prefix: queue.SimpleQueue() for prefix in ("a:", "b:", "")}
    listeners = []
    for prefix, messages in heard.items():
        settings = Settings(REDIS_URL=redis_url.replace("/0", "/1"), redis_prefix=prefix)
        listeners.append(PubSubListener(clients.listening(settings), prefix))
        listeners[-1].start(lambda *message, to=messages: to.put(message))
        assert listeners[-1].subscribe("control", patient(10))
    for site, text in zip(sites, ("one", "two"), strict=True):
        site.publish("control", text)
        site.publish("control", "end")
    received = {
        prefix: [messages.get(timeout=patient(10)) for _ in range(2)] for prefix, messages in list(heard.items())[:2]
    }
    assert received == {
        "a:": [("control", b"one"), ("control", b"end")],
        "b:": [("control", b"two"), ("control", b"end")],
    }
    for listener in listeners:
        listener.stop()
    assert heard[""].empty()


def test_all_that_rq_does_for_a_job_has_it(site_settings, single):
    """A job that succeeds, one that fails twice, one whose worker has died, one that a worker gives back."""
    connection = clients.blocking(site_settings[0])
    jobs = open_queue(BACKGROUND, connection)
    lost = jobs.enqueue_call("os.getpid", job_id="lost")
    jobs.remove(lost)
    lost.set_status(JobStatus.STARTED)
    connection.zadd(jobs.started_job_registry.key, {"lost:execution": 1})
    jobs.enqueue_call("os.getpid", job_id="succeeds", result_ttl=0)
    jobs.enqueue_call("os.remove", ("/nowhere/at/all",), job_id="fails", retry=Retry(max=1))
    worker = ThreadWorker(jobs, "worker", threads=1, lease=10)
    worker.start()
    until(lambda: single.zcard("a:rq:failed:background") == 2, what="the jobs that fail")
    until(lambda: not single.exists("a:rq:job:succeeds"), what="the job that succeeds")
    assert single.smembers("a:rq:workers") == {b"rq:worker:worker"}
    worker.stop_dequeuing()
    assert worker.wait_idle(patient(10))
    worker.put_back(jobs.enqueue_call("os.getpid", job_id="given-back"))
    worker.stop()
    assert {name[:5] for name in single.scan_iter()} == {b"a:rq:"}
    assert not single.exists("a:rq:workers")
    connection.close()


def test_a_site_on_a_cluster_has_what_belongs_together_on_one_node(cluster, prefixed, shared):
    cluster.flushdb()
    store = Store(prefixed, shared)
    for number in (1, 2):
        Counters(store).add(Report("p", "web", number, {"x{}": 1.0}, {"aomi_open_streams": 0}))
    passes, sessions = Passes(store), Sessions(store)
    assert (passes.note(), passes.note()) == (True, True)
    for session_id in ("s", "t"):
        sessions.create(session_id, {"public_key": "0xabc"})
    assert Counters(store).totals() == {"x{}": 2.0}
    assert sorted(Inspection(store).session_ids()) == ["s", "t"]
    assert prefixed.exists("session:{s}", "session:{t}", "metrics") == 3
    names = set(cluster.scan_iter())
    assert {name[:5] for name in names} == {b"site:"}
    (a_pass,) = (name for name in names if b":pass:" in name)
    assert cluster.get_node_from_key(a_pass.decode()) == cluster.get_node_from_key(Prefix("site:").name("leases"))
    assert prefixed.unlink("session:{s}", "session:{t}") == 2
