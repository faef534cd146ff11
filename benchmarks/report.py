"""The figures on the screen: a table for each scenario, medians with the lowest and the highest round, and ratios."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Figure
from benchmarks.stats import Spread, spread

OURS = "aomi"
"""The system that the others are held against."""

FLOW = ("ratio_p50", "ratio_max", "ttft_p50_ms", "ttft_p95_ms", "gap_p99_ms")
CPU = ("cpu_s_1k_web", "cpu_s_1k_worker", "cpu_s_1k_redis", "cpu_s_1k_total")
RELAY = ("p50_ms", "p99_ms", "web_us_an_event", "redis_us_an_event", "lost")
ENDS = ("complete", "error", "refused", "cut")

SHOWN: dict[str, tuple[str, ...]] = {
    "first": ("ttft_p50_ms", "ttft_p95_ms", "over_direct_p50_ms"),
    "burst": ("tokens_a_s", "cpu_s_1k_total"),
    "flow": (*FLOW, "bytes_a_token", *CPU, "memory_mb", "unfinished"),
    "interrupts": ("p50_ms", "max_ms", "interrupted", *ENDS),
    "breaking": (*FLOW, *ENDS, "cores_web", "cores_worker", "cores_redis"),
    "sustained": (*FLOW, *CPU, "unfinished"),
    "latency": ("ttft_p50_ms", "ttft_p95_ms", "round_trips", "stop_p50_ms", "stop_max_ms"),
    "relay": ("kb_an_idle_stream", *RELAY, "p99_ms_beside_idle", "web_us_an_event_beside_idle"),
    "dialects": RELAY,
    "sessions": RELAY,
    "scale": (*FLOW, *CPU, "unfinished"),
    "branches": ("ttft_p50_ms", "ttft_p95_ms", "worker_cpu_ms", "web_cpu_ms"),
    "history": ("ttft_p50_ms", "ttft_p95_ms", "worker_cpu_ms", "web_cpu_ms"),
    "start": ("web_s", "worker_s", "import_litellm_s"),
}
"""What of each scenario is shown; the rest stands in the JSON."""

Table = dict[str, dict[str, dict[str, Spread]]]
"""Scenario, system, figure."""


def collect(found: Sequence[Figure]) -> Table:
    """The rounds of each figure put together."""
    values: dict[str, dict[str, dict[str, list[float]]]] = {}
    for one in found:
        values.setdefault(one.scenario, {}).setdefault(one.system, {}).setdefault(one.name, []).append(one.value)
    return {
        scenario: {system: {name: spread(rounds) for name, rounds in names.items()} for system, names in rows.items()}
        for scenario, rows in values.items()
    }


def table(found: Sequence[Figure]) -> str:
    """All scenarios: a row a system, then how many times the others' figures ours are."""
    return "\n\n".join(_scenario(name, systems) for name, systems in collect(found).items())


def _scenario(scenario: str, systems: dict[str, dict[str, Spread]]) -> str:
    columns = [name for name in SHOWN[scenario] if any(name in figures for figures in systems.values())]
    rows = [[scenario, *columns]]
    rows += [[system, *(_cell(figures.get(name)) for name in columns)] for system, figures in systems.items()]
    if ours := systems.get(OURS):
        others = {system: figures for system, figures in systems.items() if system != OURS}
        rows += [
            [f"{OURS} / {system}", *(ratio(ours, theirs, name) for name in columns)]
            for system, theirs in others.items()
        ]
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of as many cells each, as lines whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)


def _cell(value: Spread | None) -> str:
    if value is None:
        return "-"
    if value.low == value.high:
        return number(value.median)
    return f"{number(value.median)} ({number(value.low)}-{number(value.high)})"


def ratio(ours: dict[str, Spread], theirs: dict[str, Spread], name: str) -> str:
    """Our median over theirs, `-` where one of the two is missing or theirs is 0."""
    if name not in ours or name not in theirs or not theirs[name].median:
        return "-"
    return f"x{ours[name].median / theirs[name].median:.2f}"


def number(value: float) -> str:
    """Three digits that count, never an exponent."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:,.0f}"
