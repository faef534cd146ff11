"""Connections to Redis: what a client bears before it gives up."""

from __future__ import annotations

import pytest
from redis._parsers.base import BaseParser
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError

from app.config import Settings
from app.state.connection import clients

IN_SCRIPT = "ERR Error running script (call to f_4b4c): @user_script:1: @user_script: 1:"
"""How Redis 6.2 begins to report the error of a command in a script."""


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


@pytest.mark.parametrize(
    "reply",
    [
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
        "MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.",
        "NOREPLICAS Not enough good replicas to write.",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "READONLY You can't write against a read only replica.",
        "LOADING Redis is loading the dataset in memory",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "CLUSTERDOWN The cluster is down",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "NOAUTH Authentication required.",
        "WRONGPASS invalid username-password pair or user is disabled.",
        "NOPERM this user has no permissions to run the 'evalsha' command",
        "ERR max number of clients reached",
        f"{IN_SCRIPT} -OOM command not allowed when used memory > 'maxmemory'.",
        f"{IN_SCRIPT} -READONLY You can't write against a read only replica.",
    ],
)
def test_what_a_healthy_redis_may_refuse_is_unavailability(reply):
    assert isinstance(BaseParser.parse_error(reply), clients.Unavailable)


@pytest.mark.parametrize(
    "reply",
    [
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "ERR Error running script (call to f_4b4c): @user_script:3: user_script:3: attempt to index a nil value",
        "ERR unknown command 'XADDD'",
    ],
)
def test_a_mistake_of_ours_is_not(reply):
    assert not isinstance(BaseParser.parse_error(reply), clients.Unavailable)
