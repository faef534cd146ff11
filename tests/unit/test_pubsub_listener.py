"""The one pub/sub connection of a process, when it is down."""

from __future__ import annotations

import pytest

from app.state.connection.pubsub import PubSubListener
from tests.support.patience import until
from tests.unit.pubsub import FakeRedis


@pytest.fixture
def redis():
    return FakeRedis()


@pytest.fixture
def listener(redis):
    listener = PubSubListener(redis)
    listener.start(lambda _channel, _payload: None)
    until(lambda: redis.connections, what="the connection")
    assert listener.subscribe("before")
    yield listener
    listener.stop()


def test_what_is_subscribed_while_the_connection_is_down_is_heard_with_the_next_one(redis, listener):
    redis.connections[-1].is_connected = False
    assert not listener.subscribe("meanwhile", timeout=0)
    listener.unsubscribe("before")
    redis.cut()
    assert listener.subscribe("meanwhile")
    assert redis.connections[-1].channels >= {"meanwhile"}
    assert "before" not in redis.connections[-1].channels
