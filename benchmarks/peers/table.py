"""One table of a run beside the peers: a row a system, its figures, and how many times the relay's they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmarks.bench import Figure
from benchmarks.report import Table, aligned, collect, number

RELAY = "fastapi"
"""The system whose figures the others are times of."""


class Column(NamedTuple):
    """A figure of a scenario, with a heading of two lines."""

    scenario: str
    figure: str
    heading: str
    unit: str


COLUMNS = (
    Column("first", "over_direct_p50_ms", "First token", "ms over direct"),
    Column("flow", "ratio_max", "Slowest of 50", "times its ideal"),
    Column("flow", "cpu_s_1k_total", "CPU a token", "ms, 50 streams"),
    Column("burst", "tokens_a_s", "Burst", "tokens/s"),
    Column("flow", "memory_mb", "Memory", "MB, 50 streams"),
)
SCENARIOS = {column.scenario for column in COLUMNS}


class Shown(NamedTuple):
    """A system in the table: what it is called, which package's version it has, and where a turn is kept."""

    system: str
    title: str
    package: str
    keeps: str


SYSTEMS = (
    Shown("aomi", "aomi-backend", "", "Redis"),
    Shown("fastapi", "FastAPI relay", "fastapi", "nowhere"),
    Shown("litellm", "LiteLLM alone, no HTTP", "litellm", "nowhere"),
    Shown("litellm-proxy", "LiteLLM proxy", "peer litellm", "nowhere"),
    Shown("agno", "Agno AgentOS", "peer agno", "SQLite"),
    Shown("langgraph", "LangGraph dev server", "peer langgraph", "memory"),
    Shown("aegra", "Aegra", "peer aegra", "Postgres"),
)


class Row(NamedTuple):
    """A system's row. `cells` has a figure and its ratio for each of `COLUMNS`, both empty where there is none."""

    title: str
    version: str
    keeps: str
    cells: list[tuple[str, str]]


def rows(result: Mapping[str, Any]) -> list[Row]:
    """The rows of a result as its file has it (`benchmarks.results`)."""
    figures = collect([Figure(**one) for one in result["figures"]])
    versions = result["versions"] | {f"peer {name}": version for name, version in result.get("peers", {}).items()}
    found = []
    for shown in SYSTEMS:
        cells = [_cell(figures, shown.system, column) for column in COLUMNS]
        if any(value for value, _ in cells):
            version = result["commit"] if shown.system == "aomi" else versions.get(shown.package, "")
            found.append(Row(shown.title, version, shown.keeps, cells))
    return found


def _cell(figures: Table, system: str, column: Column) -> tuple[str, str]:
    values = {name: of[column.figure] for name, of in figures.get(column.scenario, {}).items() if column.figure in of}
    if system not in values:
        return "", ""
    median = values[system].median
    relay = values[RELAY].median if RELAY in values and system != RELAY else 0.0
    return number(median), _times(median / relay) if relay > 0 else ""


def _times(ratio: float) -> str:
    return f"x{ratio:.2f}" if ratio < 10 else f"x{number(ratio)}"


def text(result: Mapping[str, Any]) -> str:
    """The table for the screen, with `note` below it."""
    heads = [["", "", "turns kept"], ["", "", ""]]
    for column in COLUMNS:
        heads[0] += [column.heading, ""]
        heads[1] += [column.unit, ""]
    lines = [
        [row.title, row.version, row.keeps, *(part for cell in row.cells for part in cell)] for row in rows(result)
    ]
    return f"{aligned([*heads, *lines])}\n\n{note(result)}"


def note(result: Mapping[str, Any]) -> str:
    """What was measured on what."""
    rounds = "one round" if result["rounds"] == 1 else f"medians of {result['rounds']} rounds"
    machine = result["machine"]
    where = f"{machine['cores']} cores ({machine['cpu']})"
    run = f"One run on {where}, {rounds}, {result['at'][:10]}, commit {result['commit']}"
    return f"{run}. x: times the FastAPI relay's. Less is better, but in the burst."
