"""The reaper waits for other processes after Redis was away."""

from __future__ import annotations

import time

import fakeredis
from redis.exceptions import ConnectionError

from app import services
from app.config import Settings
from app.events import sse
from app.state.turns.run_records import EventBatch
from app.state.turns.turn_requests import TurnRequest
from app.turns import reaper
from tests.support.backend import DEMO_ALONE, until

LEASE = 1


def test_nothing_is_ended_for_one_lease_after_redis_was_away(tmp_path, monkeypatch):
    """Its worker may live: nobody could renew a lease meanwhile."""
    (tmp_path / "aomi.yaml").write_text(DEMO_ALONE)
    redis = fakeredis.FakeRedis(lua_modules=set())
    parts = services.build(Settings(config=tmp_path / "aomi.yaml", lease=LEASE), redis, redis)
    run_id = parts.turns.send("s", TurnRequest(text="hello", app="default", model="demo")).run_id
    parts.runs.claim("s", run_id, "worker")
    parts.runs.append([EventBatch("s", run_id, 1, [sse.text("so far")])])
    redis.zadd("leases", {f"s {run_id}": 1})
    away, overdue = [], parts.runs.leases.overdue

    def away_once():
        if away:
            return overdue()
        away.append(time.monotonic())
        raise ConnectionError

    monkeypatch.setattr(parts.runs.leases, "overdue", away_once)
    reaper = parts.reaper()
    reaper.start()
    until(lambda: parts.runs.get("s", run_id).status == "error")
    reaper.stop()
    assert time.monotonic() - away[0] >= LEASE


def test_outages_that_follow_each_other_keep_no_lost_turn_open(monkeypatch):
    """Redis is there for less than a lease between them. A turn whose lease ran out in the last one gets its time."""
    now = [0.0]
    monkeypatch.setattr(reaper.time, "monotonic", lambda: now[0])
    patience = reaper._Patience(10)

    def be_there(seconds, *overdue):
        due = set()
        for _ in range(seconds):
            now[0] += 1
            patience.go_on()
            due = patience.over_for(overdue)
        return due

    patience.begin()
    assert be_there(7, "lost") == set()
    now[0] += 5
    patience.begin()
    assert be_there(3, "lost", "alive") == set()
    now[0] += 5
    patience.begin()
    assert be_there(3, "lost", "alive") == {"lost"}
    assert be_there(7, "alive") == {"alive"}
