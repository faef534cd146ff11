"""Connections to Redis: what a client bears before it gives up."""

from __future__ import annotations

import pytest
from redis import Redis
from redis._parsers.base import BaseParser
from redis.exceptions import ConnectionError

from app.config import Settings
from app.state.connection import clients, pools
from app.state.connection.shares import shares
from tests.support.patience import until

IN_SCRIPT = "ERR Error running script (call to f_4b4c): @user_script:1: @user_script: 1:"
"""How Redis 6.2 begins to report the error of a command in a script."""


@pytest.fixture
def unfit(monkeypatch):
    """Connections that turn out to be closed as often as `unfit` has entries."""
    left, look = [], pools.PolledConnection.can_read

    def can_read(connection, *args, **options):
        if left:
            left.pop()
            raise ConnectionError("Connection closed by server.")
        return look(connection, *args, **options)

    monkeypatch.setattr(pools.PolledConnection, "can_read", can_read)
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


@pytest.mark.parametrize("retry_forever", [False, True])
def test_connections_that_a_peak_left_behind_are_closed(redis_url, retry_forever):
    """The one that is in use all the time stays, and the others connect again when they are needed."""
    client = clients.commands(Settings(REDIS_URL=redis_url), retry_forever=retry_forever)
    pool = client.connection_pool
    peak = [pool.get_connection() for _ in range(5)]
    for connection in peak:
        pool.release(connection)
    pool.close_idle(peak[-1].idle_since)
    assert [connection.is_connected for connection in peak] == [False] * 4 + [True]
    again = [pool.get_connection() for _ in range(5)]
    assert set(again) == set(peak)
    assert all(connection.is_connected for connection in again)
    for connection in again:
        pool.release(connection)
    client.close()


def test_a_look_at_a_connection_that_fails_loses_no_place_in_the_pool(redis_url, monkeypatch):
    client = clients.commands(Settings(REDIS_URL=redis_url))
    assert client.ping()
    places = client.connection_pool.pool.qsize()

    def can_read(self, timeout=0):
        raise ValueError("file descriptor cannot be a negative integer (-1)")  # another thread has closed it

    with monkeypatch.context() as during:
        during.setattr(pools.PolledConnection, "can_read", can_read)
        with pytest.raises(ValueError, match="negative"):
            client.ping()
    assert client.connection_pool.pool.qsize() == places
    assert client.ping()
    client.close()


def test_idle_connections_are_looked_for_after_commands(redis_url, monkeypatch):
    client = clients.commands(Settings(REDIS_URL=redis_url))
    pool = client.connection_pool
    peak = [pool.get_connection() for _ in range(3)]
    for connection in peak:
        pool.release(connection)
    monkeypatch.setattr(pools, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(pool, "_look_at", 0.0)
    assert client.ping()
    assert [connection.is_connected for connection in peak] == [False, False, True]
    client.close()


@pytest.mark.parametrize("connections", [5, 9, 12, 200])
def test_the_pools_of_a_worker_have_the_connections_of_its_setting_together(connections):
    """One more is for pub/sub."""
    parts = shares(Settings(redis_connections=connections))
    assert parts.worker + parts.queues + 1 == connections
    assert parts.web + 1 == connections


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


@pytest.mark.parametrize("has", ["unread bytes", "an end"])
def test_a_free_connection_that_is_not_fit_is_replaced(redis_url, has):
    """Before a command is sent, which would get another's reply, or spend its one retry."""
    client = clients.commands(Settings(REDIS_URL=redis_url))
    connection = client.connection_pool.get_connection()
    with Redis.from_url(redis_url) as other:
        connection.send_command("CLIENT", "ID")
        if has == "an end":
            other.client_kill_filter(_id=connection.read_response())
    until(lambda: is_unfit(connection), what=has)
    client.connection_pool.release(connection)
    assert client.echo("my own") == b"my own"
    client.close()


def is_unfit(connection):
    try:
        return connection.can_read()
    except ConnectionError:
        return True
