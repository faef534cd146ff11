"""Machines whose clocks differ by more than a lease, ahead and behind."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest
import redis as redis_py

from app.state import redis_keys
from tests.support.backend import Backend, redis_running
from tests.support.client import Client, kinds, text_of
from tests.support.patience import setting, until
from tests.support.servers import Held, Text

LEASE = float(setting(1))

MINUTE = 60


@pytest.fixture(scope="module")
def site(tmp_path_factory, config_file):
    """A web that is a minute ahead, one that is a minute behind, and a worker."""
    folder = tmp_path_factory.mktemp("skewed")
    environment = {"AOMI_CONFIG": str(config_file), "TEST_API_KEY": "sk-x", "AOMI_LEASE": str(LEASE)}
    with redis_running(folder) as url:
        backend = Backend(folder, url, environment)
        try:
            backend.ahead = backend.web(skew=MINUTE)[1]
            backend.behind = backend.web(skew=-MINUTE)[1]
            backend.worker()
            yield backend
        finally:
            backend.stop()


@pytest.fixture
def redis(site):
    with redis_py.Redis.from_url(site.redis_url) as client:
        yield client


def lease_end(redis, session_id):
    """When the lease of a session's turn ends, in seconds since 1970; None once it has none."""
    leases = redis.zrange(redis_keys.LEASES, 0, -1, withscores=True)
    return next((end / 1000 for turn, end in leases if turn.decode().startswith(session_id)), None)


@pytest.mark.long
@pytest.mark.parametrize("clock", ["ahead", "behind"])
def test_a_turn_longer_than_a_lease_is_not_lost(site, provider, redis, clock):
    may_end = threading.Event()
    text = provider.script(f"long, {clock}", [Text(["a"]), Held(may_end), Text(["b"])])
    client = Client(getattr(site, clock))
    with client.chat(text, model="scripted") as stream:
        stream.next("text")
        begun = lease_end(redis, client.session_id)
        until(lambda: (lease_end(redis, client.session_id) or begun + MINUTE) > begun + 1.5 * LEASE, what="renewals")
        may_end.set()
        events = list(stream.events())
    assert (text_of(events), kinds(events)) == ("b", ["text", "complete"])
    assert len(provider.requests(text)) == 1


def test_a_message_goes_to_the_thread_that_was_opened_last(site):
    ahead = Client(site.ahead)
    behind = Client(site.behind, session_id=ahead.session_id)
    ahead.ask("remember 1")
    opened = [client.post(f"/api/sessions/{client.session_id}/threads", json={}).json() for client in (ahead, behind)]
    behind.ask("remember 2")
    assert ahead.state(thread_id=opened[-1]["id"])["messages"][0]["content"] == "remember 2"


def test_times_are_those_of_redis(site, redis):
    client = Client(site.ahead)
    client.ask("remember 1")
    seconds, _ = redis.time()
    created = datetime.fromisoformat(redis.hget(redis_keys.session(client.session_id), "created_at").decode())
    assert abs(created.timestamp() - seconds) < MINUTE / 2
