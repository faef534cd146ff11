"""The mark at a turn whose beginning a page has loaded, and which ends before the page asks for its stream."""

from __future__ import annotations

from datetime import timedelta

from app.events import sse
from app.state.turns.half_loaded import WINDOW


def half_loaded(runs, said, outcome="complete"):
    """A turn that ended behind a page's look at it."""
    run_id = runs.start("s", said()).run_id
    run = runs.claim("s", run_id, "worker")
    runs.half_loaded.note("s", run_id)
    runs.settle(runs.seal("s", run.id, outcome, expect={"running"}), sse.complete(interrupted=outcome == "interrupted"))
    return runs.get("s", run_id)


def test_an_ended_turn_is_missed_once_by_a_page_that_loaded_its_beginning(runs, said):
    run = half_loaded(runs, said)
    assert [runs.half_loaded.is_missed(run, once=once) for once in (False, True, True, False)] == [
        True,
        True,
        False,
        False,
    ]


def test_no_page_misses_a_turn_that_was_stopped_runs_or_ended_long_ago(runs, said, store, monkeypatch):
    assert not runs.half_loaded.is_missed(half_loaded(runs, said, "interrupted"), once=False)
    running = runs.claim("s", runs.start("s", said()).run_id, "worker")
    runs.half_loaded.note("s", running.id)
    assert not runs.half_loaded.is_missed(running, once=False)
    runs.settle(runs.seal("s", running.id, "complete", expect={"running"}), sse.complete())
    later = store.clock.now() + WINDOW + timedelta(seconds=1)
    monkeypatch.setattr(store.clock, "now", lambda: later)
    assert not runs.half_loaded.is_missed(runs.get("s", running.id), once=False)


def test_a_turn_that_is_gone_gets_no_mark(runs, connection):
    runs.half_loaded.note("s", "run_gone")
    assert not connection.exists("session:{s}:run:run_gone")
