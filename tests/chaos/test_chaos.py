"""A short chaos. `make chaos SEED=n TURNS=n` runs a longer one."""

from __future__ import annotations

import os

import pytest

from tests.chaos.run import Plan, chaos

SEED = int(os.environ.get("SEED", "20261124"))


@pytest.mark.parametrize(
    ("turns", "failover"),
    [
        pytest.param(20, False, id="one Redis", marks=pytest.mark.long),
        pytest.param(40, True, id="a Redis that Sentinels watch", marks=pytest.mark.exhaustive),
    ],
)
def test_every_promise_holds_while_things_break(tmp_path, turns, failover):
    report = chaos(tmp_path, Plan(SEED, turns, lease=2, failover=failover))
    print(report.table())
    assert not report.broken, f"make chaos SEED={SEED} TURNS={turns}: {report.broken[:3]}"
    assert report.turns >= turns
    assert report.faults.total() > 2
