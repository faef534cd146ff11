"""What a run leaves behind: a table on the screen, every figure as JSON, and a plot where matplotlib is installed."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, Figure
from benchmarks.stats import Spread, spread

PACKAGES = ("flask", "gunicorn", "gevent", "redis", "rq", "litellm", "openai", "httpx", "fastapi", "uvicorn", "uvloop")
OURS = "aomi"


def table(found: Sequence[Figure]) -> str:
    """One line a figure: the backend's median, lowest and highest, and beside it each other system's median and how
    many times the backend's value is of it."""
    lines = []
    for scenario, names in _by_scenario(found).items():
        lines.append(f"\n{scenario}")
        for name, systems in names.items():
            lines.append(f"  {name:22} " + "   ".join(_cell(system, systems) for system in systems))
    return "\n".join(lines)


def _cell(system: str, systems: dict[str, Spread]) -> str:
    one = systems[system]
    shown = f"{system} {one.median:.4g} ({one.low:.4g}-{one.high:.4g})"
    ours = systems.get(OURS)
    if ours is None or system == OURS or not one.median:
        return shown
    return f"{shown} x{ours.median / one.median:.2f}"


def _by_scenario(found: Sequence[Figure]) -> dict[str, dict[str, dict[str, Spread]]]:
    values: dict[str, dict[str, dict[str, list[float]]]] = {}
    for figure in found:
        names = values.setdefault(figure.scenario, {})
        names.setdefault(figure.name, {}).setdefault(figure.system, []).append(figure.value)
    return {
        scenario: {name: {system: spread(of) for system, of in systems.items()} for name, systems in names.items()}
        for scenario, names in values.items()
    }


def write(bench: Bench, folder: Path) -> list[Path]:
    """Write the JSON, and the plot if it can be drawn; returns where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    path = folder / f"{now:%Y%m%d-%H%M%S}.json"
    content = {"at": now.isoformat(), "machine": machine(), "versions": versions(), "commit": commit()}
    path.write_text(json.dumps(content | {"rounds": bench.repeats, "figures": bench.raw()}, indent=1) + "\n")
    return [path]


def machine() -> dict[str, Any]:
    """What it ran on."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "memory_gb": round(memory / 2**30, 1),
        "load": os.getloadavg()[0],
    }


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def versions() -> dict[str, str]:
    """Python's, and those of the packages that matter here and are installed."""
    installed = {dist.metadata["Name"].lower(): dist.version for dist in metadata.distributions()}
    return {"python": platform.python_version()} | {name: installed[name] for name in PACKAGES if name in installed}


def commit() -> str:
    """The commit that was measured; `+` where files differ from it."""
    asked = subprocess.run(["git", "describe", "--always", "--dirty=+"], capture_output=True, text=True, check=False)
    return asked.stdout.strip()
