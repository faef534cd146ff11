"""A worker that hung after Redis had given it a turn looks whether the turn is still its own, before anything else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from app.state.clock import iso
from app.state.turns.run_records import Run
from workers.jobs.turn_job import _is_in_time

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "still_claimed", "in_time", "looks"),
    [
        (-1, False, True, 0),
        (0.2, False, True, 0),
        (0.3, True, True, 1),
        (0.3, False, False, 1),
        (3600, False, False, 1),
    ],
)
def test_some_time_after_the_claim_the_worker_looks(seconds, still_claimed, in_time, looks):
    taking = Mock(is_still_claimed=Mock(return_value=still_claimed))
    services = SimpleNamespace(clock=Mock(now=lambda: NOW), runs=SimpleNamespace(taking=taking))
    started_at = iso(NOW - timedelta(seconds=seconds))
    run = Run("s", "run_1", "thread_1", "running", "default", "demo", started_at, {})
    assert (_is_in_time(services, run), taking.is_still_claimed.call_count) == (in_time, looks)
