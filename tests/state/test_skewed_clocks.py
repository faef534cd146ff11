"""Processes whose clocks differ by more than a lease: who has a turn, what comes first, what is over."""

from __future__ import annotations

import datetime as datetime_module
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from types import ModuleType

import pytest
from rq import intermediate_queue, utils

from app import services
from app.config import Settings
from app.state.tools.client_requests import ClientRequests
from app.state.tools.request_expiry import RequestExpiry
from app.state.turns.leases import RunningTurn
from app.state.turns.slots import ConcurrencyLimit
from app.turns.rq_queue import TURNS, open_queue
from app.usage import ModelCall
from app.usage.report import Days
from tests.state.conftest import ALL
from tests.support.backend import DEMO_ALONE
from tests.support.moments import now_ms
from workers import queue_clock

AHEAD, BEHIND = timedelta(hours=30), timedelta(hours=-30)

DAY = date(2026, 11, 24)

ONE_TURN = ConcurrencyLimit("key", "key1", 1)


@contextmanager
def clock_off_by(skew: timedelta) -> Iterator[None]:
    """Inside, the wall clock of our own code differs by so much; Redis, also a fake one, keeps its own."""

    class Skewed(datetime):
        @classmethod
        def now(cls, tz: datetime_module.tzinfo | None = None) -> datetime:
            return datetime.now(tz) + skew

    ours = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] in ("app", "workers")]
    with pytest.MonkeyPatch.context() as patch:
        for module in ours:
            if isinstance(module, ModuleType) and vars(module).get("datetime") is datetime:
                patch.setattr(module, "datetime", Skewed)
        yield


@pytest.fixture(params=[AHEAD, BEHIND], ids=["ahead", "behind"])
def skew(request) -> timedelta:
    return request.param


@pytest.fixture
def process(connection, queue, tmp_path):
    """Makes the parts of another process on the same Redis."""
    config = tmp_path / "aomi.yaml"
    config.write_text(DEMO_ALONE)
    return lambda: services.build(Settings(config=config, lease=60), connection, connection, queue)


def test_a_turn_is_not_lost_to_a_process_whose_clock_differs(process, said, skew):
    worker, web = process(), process()
    run_id = worker.turns.send("s", said()).run_id
    worker.runs.claim("s", run_id, "worker")
    with clock_off_by(skew):
        web.reaper().run_once()
    assert web.runs.get("s", run_id).status == "running"


def test_a_turn_of_a_process_whose_clock_differs_is_neither_lost_nor_kept_for_longer(process, said, skew, connection):
    worker, web = process(), process()
    with clock_off_by(skew):
        run_id = worker.turns.send("s", said()).run_id
        worker.runs.claim("s", run_id, "worker")
        worker.reaper(lambda: [RunningTurn("s", run_id)]).run_once()
    web.reaper().run_once()
    assert web.runs.get("s", run_id).status == "running"
    assert now_ms() < connection.zscore("leases", f"s {run_id}") < now_ms() + 61_000


def test_a_slot_lasts_as_long_whoever_takes_it(process, said, skew, connection):
    web, other = process(), process()
    with clock_off_by(skew):
        assert web.turns.send("a", said(limits=(ONE_TURN,))).outcome == "started"
    assert other.turns.send("b", said(limits=(ONE_TURN,))).outcome == "limit_reached"
    ((_, end),) = connection.zrange(ONE_TURN.redis_key, 0, -1, withscores=True)
    assert now_ms() < end < now_ms() + 121_000


def test_the_newest_thread_is_the_one_that_was_opened_last(process, said, skew):
    first, second = process(), process()
    with clock_off_by(skew):
        first.turns.send("s", said())
        middle = first.sessions.open_thread("s", "middle")
    last = second.sessions.open_thread("s", "last")
    with clock_off_by(skew):
        newest = first.sessions.open_thread("s", "newest")
    listed = [thread["id"] for thread in first.sessions.threads("s", ALL).items]
    assert listed[:3] == [newest["id"], last["id"], middle["id"]]
    assert second.sessions.histories.snapshot("s", None).thread_id == newest["id"]


def test_a_thread_is_opened_behind_those_that_an_earlier_version_dated_into_the_future(sessions, connection):
    sessions.create("s", {})
    connection.zadd("session:{s}:threads", {"thread_old": int(time.time() * 1e6) + 60_000_000})
    opened = sessions.open_thread("s", "new")
    assert sessions.histories.snapshot("s", None).thread_id == opened["id"]


def test_a_persons_sessions_are_in_the_order_in_which_they_were_made(process, skew):
    first, second = process(), process()
    with clock_off_by(skew):
        first.sessions.create("a", {"public_key": "0xabc"})
    second.sessions.create("b", {"public_key": "0xabc"})
    with clock_off_by(skew):
        first.sessions.create("c", {"public_key": "0xabc"})
    assert [session["id"] for session in first.sessions.owned_by("0xabc", ALL).items] == ["c", "b", "a"]


def test_a_client_request_is_open_for_its_time(process, said, skew, store):
    worker = process()
    with clock_off_by(skew):
        run_id = worker.turns.send("s", said()).run_id
        run = worker.runs.claim("s", run_id, "worker")
        request = ClientRequests(store).ask(run, "c1", "Ask", "kind", {})
    assert RequestExpiry(store).overdue() == []
    left = datetime.fromisoformat(request.expires_at) - datetime.now(UTC)
    assert abs(left.total_seconds() - store.settings.client_request_ttl) < 60


def test_a_model_call_waits_for_its_worker_before_it_is_estimated(process, said, skew):
    worker, web = process(), process()
    call = ModelCall("1", "2026-11-24", "key1", "default", "demo", 10, None)
    run_id = worker.turns.send("s", said()).run_id
    worker.runs.claim("s", run_id, "worker")
    worker.ledger.open("s", run_id, call)
    worker.turns.interrupt("s")
    with clock_off_by(skew):
        assert web.ledger.overdue() == []
        web.usage_recovery.handle("s", run_id, "1")
    assert worker.ledger.unsettled_calls("s", run_id) == [call]


def test_a_charge_is_counted_once_by_processes_whose_clocks_differ(process, skew):
    charge = ModelCall("1", "2026-11-24", "key1", "default", "demo", 10, None).estimated(0)
    for off_by in (skew, timedelta(), skew):
        with clock_off_by(off_by):
            process().ledger.settle("s", "run_gone", charge)
    assert [row.totals.calls for row in process().ledger.of_key("key1", Days(DAY, DAY))] == [1]


def test_usage_counts_for_the_day_of_redis(process, skew):
    with clock_off_by(skew):
        days = [datetime.now(UTC).date(), process().ledger.today(), datetime.now(UTC).date()]
    assert days == sorted(days)  # midnight may come in between


def test_a_key_is_valid_until_its_end_whatever_the_clock_of_the_process(process, skew):
    soon, past = (datetime.now(UTC) + timedelta(hours=hours) for hours in (1, -1))
    with clock_off_by(skew):
        keys = process().api_keys
        valid, expired = (keys.issue(("*",), expires_at=f"{moment:%Y-%m-%dT%H:%M:%S.000Z}") for moment in (soon, past))
        assert (keys.find(valid).expired, keys.find(expired).expired) == (False, True)


@pytest.fixture
def rq_clock(monkeypatch):
    """RQ's own clock is put back afterwards."""
    for module in (utils, intermediate_queue):
        monkeypatch.setattr(module, "now", module.now)


def test_jobs_are_not_taken_from_a_living_worker_by_one_whose_clock_differs(store, queue, rq_clock, skew, monkeypatch):
    """RQ compares the end of a job's last heartbeat with the clock of the worker that looks for lost jobs."""
    monkeypatch.setattr(utils, "now", lambda: datetime.now(UTC) + skew)
    queue_clock.install(store.clock.now)
    registry = open_queue(TURNS, queue).started_job_registry
    queue.zadd(registry.key, {"job:execution": time.time() + 30})
    assert registry.get_expired_job_ids() == []
    queue.zadd(registry.key, {"job:execution": time.time() - 30})
    assert registry.get_expired_job_ids() == ["job"]
