"""What is only so on a Redis Cluster."""

from __future__ import annotations

import pytest
from redis.exceptions import ConnectionError, RedisClusterException

from app.config import Settings
from app.events import sse
from app.state import redis_keys
from app.state.connection import clients
from app.state.connection.cluster_pubsub import MAX_BLIND_PINGS
from app.state.scripts import Store
from app.state.turns.runs import RunStore
from tests.support.backend import free_port


@pytest.fixture
def connection(cluster):
    cluster.flushdb()
    return cluster


def settings(url):
    return Settings(REDIS_URL=url, queue_redis_url="redis://queue")


def masters_of(cluster, session_ids):
    return {cluster.get_node_from_key(redis_keys.session(session_id)).port for session_id in session_ids}


def test_events_of_turns_on_all_masters_are_appended_at_once_also_where_nobody_knows_the_script(
    store, runs, said, connection
):
    sessions = [f"s{number}" for number in range(12)]
    assert len(masters_of(connection, sessions)) == 3
    ids = [runs.start(session, said()).run_id for session in sessions]
    for session, run_id in zip(sessions, ids, strict=True):
        runs.claim(session, run_id, "worker")
    connection.script_flush()
    for number in (1, 2):
        batches = [(s, run_id, number, [sse.text(f"{number}")]) for s, run_id in zip(sessions, ids, strict=True)]
        assert runs.append(batches) == [True] * 12
    assert [len(runs.entries(s, run_id, 0)) for s, run_id in zip(sessions, ids, strict=True)] == [2] * 12


def test_keys_of_two_slots_in_one_call_are_a_mistake_that_no_patience_waits_for(cluster_url):
    retrying = clients.commands(settings(cluster_url), retry_forever=True)
    with pytest.raises(RedisClusterException, match="slot"):
        retrying.eval("return 1", 2, "a", "b")
    with pytest.raises(RedisClusterException, match="slot"):
        retrying.pipeline().set("a", 1).set("b", 1).execute()
    retrying.close()


def test_a_transaction_answers_as_on_one_server(connection):
    pipeline = connection.pipeline()
    pipeline.hset("h", mapping={"a": 1})
    pipeline.zadd("z{h}", {"a": 1.5})
    pipeline.zscore("z{h}", "a")
    pipeline.hgetall("h")
    assert pipeline.execute() == [1, 1, 1.5, {b"a": b"1"}]


def test_keys_of_all_masters_are_found_counted_and_deleted(connection):
    names = [f"key{number}" for number in range(20)]
    for name in names:
        connection.set(name, 1)
    assert sorted(connection.scan_iter(match="key*", count=5)) == sorted(name.encode() for name in names)
    assert (len(connection.keys("key*")), connection.dbsize()) == (20, 20)
    assert (connection.exists(*names), connection.delete(*names[:10]), connection.unlink(*names)) == (20, 10, 10)


def test_nothing_connects_before_it_is_used_and_nobody_there_is_redis_being_away():
    nobody = settings(f"redis+cluster://127.0.0.1:{free_port()}")
    client, listening = clients.commands(nobody), clients.listening(nobody)
    for use in (lambda: RunStore(Store(client, nobody)).get("s", "run"), listening.pubsub):
        with pytest.raises(clients.Unavailable):
            use()


def test_a_node_that_is_long_cut_off_from_the_others_is_left(cluster_url, monkeypatch):
    """It answers every ping, and nothing that is published elsewhere reaches it."""
    listener = clients.listening(settings(cluster_url)).pubsub()
    listener.subscribe("news")
    monkeypatch.setattr(listener, "_sees_cluster", lambda: False)
    for _ in range(MAX_BLIND_PINGS):
        listener.ping()
    with pytest.raises(ConnectionError):
        listener.ping()
    listener.close()
