"""Connections to Redis: what a client bears before it gives up."""

from __future__ import annotations

import pytest
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError

from app.config import Settings
from app.state.connection import clients


@pytest.fixture
def unfit(monkeypatch):
    """Connections that turn out to be closed as often as `unfit` has entries."""
    left, look = [], AbstractConnection.can_read

    def can_read(connection, *args, **options):
        if left:
            left.pop()
            raise ConnectionError("Connection closed by server.")
        return look(connection, *args, **options)

    monkeypatch.setattr(AbstractConnection, "can_read", can_read)
    return left


def test_a_patient_client_waits_for_a_connection_that_is_fit_too(redis_url, unfit):
    """Else a turn whose end meets a Redis that restarts is lost with its worker alive."""
    client = clients.commands(Settings(REDIS_URL=redis_url), retry_forever=True)
    unfit += [1] * 5
    assert client.ping()
    assert unfit == []
    client.close()


def test_another_client_gives_up(redis_url, unfit):
    client = clients.commands(Settings(REDIS_URL=redis_url))
    unfit += [1] * 5
    with pytest.raises(clients.Unavailable):
        client.ping()
    client.close()
