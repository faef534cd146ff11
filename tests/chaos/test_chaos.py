"""A short chaos. `make chaos SEED=n TURNS=n` runs a longer one."""

from __future__ import annotations

import os

import pytest

from tests.chaos.run import chaos

SEED = int(os.environ.get("SEED", "20261124"))


@pytest.mark.long
def test_every_promise_holds_while_things_break(tmp_path):
    report = chaos(tmp_path, SEED, turns=200, lease=2)
    print(report.table())
    assert not report.broken, f"make chaos SEED={SEED} TURNS=200: {report.broken[:3]}"
    assert report.turns >= 200
    assert report.faults.total() > 5
