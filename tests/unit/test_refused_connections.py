"""A connection that is refused leaves nothing behind: neither its callers' frames nor what these hold."""

from __future__ import annotations

import gc
import weakref

import pytest
from redis.connection import Connection

from app.config import Settings
from app.state.connection import clients
from tests.support.backend import free_port


class Held:
    """What a caller has in a variable."""


@pytest.fixture
def without_collection():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_refused_connection_does_not_hold_its_callers(without_collection):
    client = clients.commands(Settings(redis_url=f"redis://127.0.0.1:{free_port()}/0"))

    def call():
        held = Held()
        with pytest.raises(clients.Unavailable):
            client.get("key")
        return weakref.ref(held)

    assert call()() is None


def test_redis_pys_own_connection_holds_them(without_collection):
    connection = Connection(port=free_port())

    def call():
        held = Held()
        try:
            connection._connect()
        except OSError:
            return weakref.ref(held)

    assert call()() is not None
