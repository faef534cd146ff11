"""The registry of the turns that run in this process."""

from __future__ import annotations

import pytest

from app.state.turns.leases import RunningTurn
from app.state.turns.run_records import Run
from workers.running_turns import RunningTurns

RUN = Run(
    session_id="s",
    id="run_1",
    thread_id="thread_1",
    status="running",
    app="default",
    model="m",
    started_at="",
    message={},
    slots=("turns-of:key:k",),
)


def test_a_turn_is_listed_with_its_slots_while_it_runs():
    turns = RunningTurns()
    with turns.track(RUN):
        assert turns.all() == [RunningTurn("s", "run_1", ("turns-of:key:k",))]
    assert turns.all() == []


def test_a_turn_that_breaks_is_no_longer_listed():
    turns = RunningTurns()
    with pytest.raises(KeyError), turns.track(RUN):
        raise KeyError
    assert turns.all() == []
