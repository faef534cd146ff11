"""Reloads of aomi.yaml in Redis: one is checked at a time, and what was taken stays known."""

from __future__ import annotations

import json

import pytest

from app.state import redis_keys
from app.state.reloads import LIVE_SECONDS, LastReload, ProcessReport, Reloads


@pytest.fixture
def reloads(store):
    return Reloads(store)


def test_one_reload_is_checked_at_a_time(reloads, connection):
    assert reloads.last() == LastReload()
    assert reloads.begin("first", "d1", 60)
    assert reloads.begin("first", "d1", 60)  # the reply to the script was lost
    assert not reloads.begin("second", "d2", 60)
    reloads.drop("second")
    assert reloads.last().phase == "check"
    connection.hset(redis_keys.RELOAD, "until", 1)  # the process that began it has died
    assert reloads.begin("second", "d2", 60)
    assert not reloads.take("first", "d1")


def test_what_was_taken_stays_known_when_a_later_reload_is_dropped(reloads):
    reloads.begin("first", "d1", 60)
    assert reloads.take("first", "d1")
    reloads.drop("first")
    assert reloads.last() == LastReload("first", "take", "d1", "first", "d1")
    assert reloads.begin("second", "d2", 60)
    reloads.drop("second")
    assert reloads.last() == LastReload("second", "dropped", "d2", "first", "d1")


def test_none_begins_before_all_have_taken_the_one_before(reloads):
    reloads.begin("first", "d1", 60)
    reloads.take("first", "d1", 60)
    assert not reloads.begin("second", "d2", 60)
    reloads.drop("first")
    assert reloads.last().phase == "take"
    reloads.done("first")
    assert reloads.begin("second", "d2", 60)


def test_processes_that_ended_or_went_silent_do_not_count(reloads, connection):
    for name, kind in (("b", "worker"), ("a", "worker"), ("w", "web"), ("gone", "web")):
        reloads.report(ProcessReport(name, kind, "d1"))
    reloads.forget("gone")
    stored = json.loads(connection.hget(redis_keys.RELOAD_PROCESSES, "a"))
    older = stored | {"at": stored["at"] - 2 * LIVE_SECONDS}
    connection.hset(redis_keys.RELOAD_PROCESSES, "a", json.dumps(older | {"of_a_later_version": 1}))
    assert [one.name for one in reloads.living(keep={"a", "gone"})] == ["w", "a", "b"]
    assert [one.name for one in reloads.living()] == ["w", "b"]
    assert not connection.hexists(redis_keys.RELOAD_PROCESSES, "a")
