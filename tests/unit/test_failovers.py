"""Following the Sentinels: a process that starts during a failover."""

from __future__ import annotations

import fakeredis
import pytest
from redis.exceptions import ConnectionError

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
        watch("master", "master,failover_in_progress").check()


def test_a_process_that_starts_at_another_time_uses_the_master():
    watch("master", "master").check()


def test_sentinels_that_are_away_are_not_waited_for(monkeypatch):
    monkeypatch.setattr(failovers, "START_SECONDS", 60)
    watch(None, "master").check()
