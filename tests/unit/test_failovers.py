"""Following the Sentinels: a process that starts during a failover."""

from __future__ import annotations

import fakeredis
import pytest
from redis.exceptions import ConnectionError, ResponseError

from app.state.connection import failovers
from app.state.connection.failovers import MasterWatch


class Sentinel:
    """A Sentinel that says the same of its master, or cannot be reached, each time it is asked."""

    def __init__(self, flags: str | None) -> None:
        self._flags = flags

    def sentinel_masters(self):
        if self._flags is None:
            raise ConnectionError
        return {"mymaster": {"flags": self._flags}, "other": {"flags": "master,failover_in_progress"}}


def watch(*flags):
    return MasterWatch("mymaster", [fakeredis.FakeRedis() for _ in flags], [Sentinel(one) for one in flags])


def test_a_process_that_starts_during_a_failover_does_not_use_the_old_master():
    with pytest.raises(ConnectionError, match="moving the master"):
        watch("master", "master,failover_in_progress").promoted()


def test_a_process_that_starts_at_another_time_uses_the_master():
    watch("master", "master").promoted()


def test_sentinels_that_are_away_are_not_waited_for(monkeypatch):
    monkeypatch.setattr(failovers, "START_SECONDS", 60)
    watch(None, "master").promoted()


OLD, NEW = ("10.0.0.1", 6379), ("10.0.0.2", 6379)
PROMOTING = b"slave 10.0.0.2:6379 10.0.0.2 6379 @ mymaster 10.0.0.1 6379"


class Connection:
    """To a server that says this of its role."""

    def __init__(self, address, role):
        self.host, self.port = address
        self._role = role
        self.is_open = True

    def send_command(self, *command):
        assert command == ("ROLE",)

    def read_response(self):
        if self._role is None:
            raise ResponseError("NOPERM")
        return [self._role]

    def disconnect(self):
        self.is_open = False


@pytest.fixture
def promoting():
    """A watch that has heard of a promotion."""
    watched = watch("master")
    assert watched.promoted() is None
    watched._heard(failovers.PROMOTING, PROMOTING)
    return watched


@pytest.mark.parametrize(("address", "role"), [(OLD, b"master"), (NEW, b"slave"), (NEW, None)])
def test_while_a_replica_is_promoted_no_connection_is_used(promoting, address, role):
    connection = Connection(address, role)
    with pytest.raises(ConnectionError, match="moving the master"):
        promoting.opened(connection)
    assert not connection.is_open
    assert promoting.promoted() == NEW


def test_the_replica_is_used_as_soon_as_it_is_a_master(promoting):
    promoting.opened(Connection(NEW, b"master"))
    assert promoting.promoted() is None
    assert promoting.corrected(OLD) == NEW, "the Sentinels do not know yet"


def test_a_failover_that_is_aborted_leaves_the_master(promoting):
    promoting._heard(failovers.ABORTED[0], PROMOTING)
    assert promoting.promoted() is None
    assert promoting.corrected(OLD) == OLD
