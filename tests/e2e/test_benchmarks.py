"""The benchmark runs from end to end at sizes whose figures mean nothing, and writes what it found."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.backend import ROOT, redis_server

SCENARIOS = ["flow", "interrupts", "relay", "dialects"]


@pytest.mark.exhaustive
def test_a_run_writes_every_figure_and_what_it_ran_on(tmp_path: Path):
    redis_server()
    command = [sys.executable, "-m", "benchmarks", "--tiny", "--rounds", "1", "--results", str(tmp_path)]
    ran = processes.run([*command, "--only", ",".join(SCENARIOS)], cwd=ROOT, seconds=180)
    assert ran.returncode == 0, ran.stderr
    (path,) = tmp_path.glob("*.json")
    result = json.loads(path.read_text())
    assert result["machine"]["cores"] >= 1
    assert result["versions"]["rq"]
    assert result["commit"]
    found = {(one["scenario"], one["system"], one["name"]): one["value"] for one in result["figures"]}
    assert {scenario for scenario, *_ in found} == set(SCENARIOS)
    assert found["flow", "aomi", "unfinished"] == found["flow", "litellm-quiet", "unfinished"] == 0
    assert found["interrupts", "aomi", "interrupted"] == 2
    assert found["relay", "aomi", "lost"] == 0
    assert [found["dialects", name, "lost"] for name in ("aomi", "AI SDK", "AG-UI", "OpenAI")] == [0] * 4
    assert "flow: round 1 of 1" in ran.stderr
    assert str(path) in ran.stdout


def test_an_unknown_scenario_is_refused_with_the_names_there_are():
    command = [sys.executable, "-m", "benchmarks", "--only", "flaw"]
    ran = processes.run(command, cwd=ROOT)
    assert ran.returncode == 2
    assert "no scenario flaw; there are first, burst, flow" in ran.stderr
