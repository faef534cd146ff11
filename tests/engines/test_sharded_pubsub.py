"""Sharded pub/sub on a real cluster: an update reaches each listener, whichever way it is published, and also behind a
failover, a hash slot that moves, and a lost connection."""

from __future__ import annotations

import signal
import uuid

import pytest

from app.config import Settings
from app.events import sse
from app.state import redis_keys
from app.state.connection import clients
from app.state.connection.hub_listener import hub_listener
from app.state.scripts import Store
from app.state.sessions import Sessions
from tests.support.engines import RedisCluster, server, stopped_at_last
from tests.support.patience import patient, until

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    with stopped_at_last(RedisCluster(server(), tmp_path_factory.mktemp("sharded"), 1)) as cluster:
        yield cluster


class Listening:
    """A process that listens, and keeps the titles that it hears of and the gaps."""

    def __init__(self, nodes, pubsub):
        self.settings = Settings(REDIS_URL=nodes.url, queue_redis_url="redis://queue", cluster_pubsub=pubsub)
        self.listener, self.heard, self.gaps = hub_listener(self.settings), [], 0
        self.listener.start(lambda _channel, payload: self.heard.append(payload.decode()), self._on_gap)

    def _on_gap(self):
        self.gaps += 1

    def hears(self, title):
        return any(title in one for one in self.heard)


@pytest.fixture
def listening(nodes):
    """Starts a process that listens in a mode."""
    started = []

    def start(pubsub):
        started.append(Listening(nodes, pubsub))
        return started[-1]

    yield start
    for one in started:
        one.listener.stop()


def sessions_of(nodes, pubsub):
    settings = Settings(REDIS_URL=nodes.url, queue_redis_url="redis://queue", cluster_pubsub=pubsub)
    return Sessions(Store(clients.commands(settings), settings))


def made(sessions, count=6):
    """New sessions, which are spread over the masters."""
    ids = [str(uuid.uuid4()) for _ in range(count)]
    for session_id in ids:
        sessions.create(session_id, {})
    return ids


def tell(sessions, session_id):
    """Publish an update; returns its title."""
    title = uuid.uuid4().hex
    sessions.change(session_id, {"title": title}, [sse.title_changed(session_id, title)])
    return title


def all_heard(sessions, ids, *processes):
    """Whether all of them hear of a new update of each session."""
    titles = [tell(sessions, session_id) for session_id in ids]
    until(lambda: all(one.hears(title) for one in processes for title in titles), what="the updates")


@pytest.mark.parametrize("published", ["classic", "ready", "sharded"])
def test_processes_that_change_over_hear_each_other(nodes, listening, published):
    sessions = sessions_of(nodes, published)
    hearing = [listening(mode) for mode in ("ready", "sharded", *(["classic"] if published != "sharded" else []))]
    ids = made(sessions)
    assert all(
        one.listener.subscribe(redis_keys.updates(session_id), patient(2)) for one in hearing for session_id in ids
    )
    all_heard(sessions, ids, *hearing)


def test_what_is_published_in_shards_is_no_message_on_the_bus_of_others(nodes, listening):
    sessions, one = sessions_of(nodes, "sharded"), listening("sharded")
    (session_id,) = made(sessions, 1)
    owner = nodes.owner(redis_keys.session(session_id))
    assert one.listener.subscribe(redis_keys.updates(session_id), patient(2))
    for master in nodes.masters:
        assert bool(master.admin.execute_command("PUBSUB SHARDCHANNELS")) == (master is owner)
    all_heard(sessions, [session_id], one)


def test_nothing_is_heard_of_a_channel_that_was_left(nodes, listening):
    sessions, one = sessions_of(nodes, "sharded"), listening("sharded")
    left, kept = made(sessions, 2)
    for session_id in (left, kept):
        assert one.listener.subscribe(redis_keys.updates(session_id), patient(2))
    one.listener.unsubscribe(redis_keys.updates(left))
    owner = nodes.owner(redis_keys.session(left))
    until(lambda: redis_keys.updates(left).encode() not in owner.admin.execute_command("PUBSUB SHARDCHANNELS"))
    all_heard(sessions, [kept], one)


def test_after_its_connections_are_killed_a_listener_reads_the_logs_and_goes_on(nodes, listening):
    sessions, one = sessions_of(nodes, "sharded"), listening("sharded")
    ids = made(sessions)
    assert all(one.listener.subscribe(redis_keys.updates(session_id), patient(2)) for session_id in ids)
    gaps = one.gaps
    for node in nodes.nodes:
        node.admin.execute_command("CLIENT KILL", "TYPE", "pubsub")
    until(lambda: one.gaps > gaps, what="a gap")
    until(lambda: all(one.listener.subscribe(redis_keys.updates(session_id)) for session_id in ids))
    all_heard(sessions, ids, one)


def test_a_hash_slot_that_moves_takes_its_channels_along(nodes, listening):
    sessions, one = sessions_of(nodes, "sharded"), listening("sharded")
    (session_id,) = made(sessions, 1)
    channel, old = redis_keys.updates(session_id), nodes.owner(redis_keys.session(session_id))
    new = next(node for node in nodes.masters if node is not old)
    assert one.listener.subscribe(channel, patient(2))
    gaps = one.gaps
    move_slot(nodes, old.admin.execute_command("CLUSTER KEYSLOT", channel), old, new)
    until(lambda: channel.encode() in new.admin.execute_command("PUBSUB SHARDCHANNELS"), what="the channel there")
    until(lambda: one.gaps > gaps and one.listener.subscribe(channel), what="a gap")
    all_heard(sessions, [session_id], one)


def move_slot(nodes, slot, old, new):
    """As `redis-cli --cluster reshard` does it."""
    new.admin.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", nodes.id_of(old))
    old.admin.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", nodes.id_of(new))
    keys = old.admin.execute_command("CLUSTER GETKEYSINSLOT", slot, 100)
    old.admin.execute_command("MIGRATE", "127.0.0.1", new.port, "", 0, 5000, "KEYS", *keys)
    for node in (new, old, *nodes.masters):
        node.admin.execute_command("CLUSTER SETSLOT", slot, "NODE", nodes.id_of(new))


def test_a_master_that_dies_takes_no_channel_along(nodes, listening):
    sessions, one = sessions_of(nodes, "sharded"), listening("sharded")
    ids = made(sessions)
    assert all(one.listener.subscribe(redis_keys.updates(session_id), patient(2)) for session_id in ids)
    nodes.masters[0].stop(signal.SIGKILL)
    until(lambda: all(is_told(sessions, session_id) for session_id in ids), 60, "the new master")
    until(lambda: all(one.listener.subscribe(redis_keys.updates(session_id)) for session_id in ids), 60, "its channels")
    all_heard(sessions, ids, one)


def is_told(sessions, session_id):
    try:
        return bool(tell(sessions, session_id))
    except clients.Unavailable:
        return False
