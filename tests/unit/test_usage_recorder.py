"""A model call is recorded when it is sent; the record says whether its turn still runs."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from app.state.turns.run_records import Run
from workers.cancellation import Stopped
from workers.models.request import CallEstimate
from workers.usage_recorder import UsageRecorder

RUN = Run("s", "run_1", "thread_1", "running", "default", "demo", "", {})
ESTIMATE = CallEstimate("demo", 10, None, False)


@pytest.fixture
def opened():
    """Opens a call of a turn with this status; returns whether the turn was stopped."""

    def opening(status):
        stop = Mock()
        recorder = UsageRecorder(Mock(open=Mock(return_value=status)), Mock(), RUN, stop=stop)
        assert callable(recorder.open(ESTIMATE))
        return stop.called

    return opening


@pytest.mark.parametrize("status", ["ending", "interrupted", "error", "queued"])
def test_a_turn_that_does_not_run_any_more_is_stopped_and_its_call_is_counted(opened, status):
    """The message that stopped it came before its worker listened for it."""
    assert opened(status)


def test_a_turn_that_runs_is_not_stopped(opened):
    assert not opened("running")


def test_a_turn_that_is_gone_makes_no_call(opened):
    with pytest.raises(Stopped):
        opened(None)
