"""What a run leaves behind: every figure as JSON, with what it ran on, and a plot."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks import plot
from benchmarks.bench import Bench
from benchmarks.peers import known, picture, table
from benchmarks.processes import ROOT

PACKAGES = ("flask", "gunicorn", "gevent", "redis", "rq", "litellm", "openai", "httpx", "fastapi", "uvicorn", "uvloop")


def write(bench: Bench, folder: Path) -> list[Path]:
    """Write the JSON, and the plot if it can be drawn; returns where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    path = folder / f"{now:%Y%m%d-%H%M%S}.json"
    content: dict[str, Any] = {"at": now.isoformat(), "machine": machine(), "versions": versions(), "commit": commit()}
    content |= {"peers": known.versions()} if bench.with_peers else {}
    content |= {"rounds": bench.repeats, "figures": bench.raw()}
    path.write_text(json.dumps(content, indent=1) + "\n")
    return [path, *plot.draw(bench.found, path.with_suffix(".png"))]


def beside_peers(path: Path) -> str:
    """The table beside the peers of such a JSON file, which is drawn beside the file as well."""
    result = json.loads(path.read_text())
    drawn = picture.draw(result, path.with_suffix(".svg"))
    return f"{table.text(result)}\nDrawn: {', '.join(map(str, drawn)) or 'nothing, no such figures'}"


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
    command = ["git", "describe", "--always", "--dirty=+"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    except FileNotFoundError:
        return "unknown"
    return asked.stdout.strip() or "unknown"
