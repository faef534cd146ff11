"""The figures of docs/scaling.md are those of the files that it names."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from functools import cache
from statistics import median

import pytest

from tests.support.backend import ROOT

RESULTS = ROOT / "benchmarks/results"
PAGE = (ROOT / "docs/scaling.md").read_text()
BESIDE_PEERS, ALONE = re.findall(r"\[([\d-]+)\.json\]", PAGE)
OF_ALL = ("aomi", "fastapi", "litellm")

ROWS = {
    "first token over the provider's, one client, median ms": ("first", "over_direct_p50_ms", OF_ALL),
    "first token, one client, 95 % ms": ("first", "ttft_p95_ms", OF_ALL),
    "first token, 50 streams, 95 % ms": ("flow", "ttft_p95_ms", OF_ALL),
    "slowest of 50 streams, relative to its ideal time": ("flow", "ratio_max", OF_ALL),
    "gap between tokens, 99 % ms": ("flow", "gap_p99_ms", OF_ALL),
    "CPU s for 1000 tokens, all processes": ("flow", "cpu_s_1k_total", OF_ALL),
    "bytes on the wire for a token": ("flow", "bytes_a_token", OF_ALL[:2]),
    "one stream of 2000 tokens, tokens/s": ("burst", "tokens_a_s", OF_ALL),
}

CARRIED = {"web processes, for tokens": "cpu_s_1k_web", "workers": "cpu_s_1k_worker", "Redis masters": "cpu_s_1k_redis"}
"""What one carries in a second, by the CPU of 1000 tokens in `scale`, to the hundred."""


@cache
def medians(name: str) -> dict[tuple[str, str, str], float]:
    """Of each figure of a file, by scenario, system and name."""
    found = defaultdict(list)
    for one in json.loads((RESULTS / f"{name}.json").read_text())["figures"]:
        found[one["scenario"], one["system"], one["name"]].append(one["value"])
    return {key: median(values) for key, values in found.items()}


def cells(row: str) -> list[str]:
    (line,) = re.findall(rf"^\| {re.escape(row)} \|(.*)\|$", PAGE, re.MULTILINE)
    return [cell.strip() for cell in line.split("|")]


def shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


@pytest.mark.parametrize("row", ROWS)
def test_a_row_beside_the_references_is_of_its_file(row):
    scenario, name, systems = ROWS[row]
    wanted = [shown(medians(BESIDE_PEERS)[scenario, system, name]) for system in systems]
    assert cells(row)[1 : 1 + len(wanted)] == wanted


@pytest.mark.parametrize("row", CARRIED)
def test_so_many_are_needed_as_one_carries(row):
    carries = round(1000 / medians(ALONE)["scale", "1 web, 1 worker", CARRIED[row]], -2)
    assert cells(row) == [f"{carries:,.0f} tokens/s", f"{math.ceil(500_000 / carries)}"]
    assert f"{carries:,.0f} tokens/s" in PAGE.split("## More processes")[1].split("\n## ")[0]


def test_the_pictures_are_of_the_run_beside_the_peers():
    for page in ("README.md", "docs/scaling.md"):
        assert set(re.findall(r"results/([\d-]+)\.(?:svg|png)", (ROOT / page).read_text())) == {BESIDE_PEERS}
