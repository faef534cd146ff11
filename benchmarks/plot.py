"""A picture of a run: the systems side by side, what they spend, and where more streams stop to flow."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench import Figure
from benchmarks.report import Table, collect

BARS = (
    ("first", "over_direct_p50_ms", "First token over direct, one client, ms"),
    ("flow", "ttft_p95_ms", "First token p95, 50 streams, ms"),
    ("flow", "ratio_max", "Slowest of 50 streams, times its ideal"),
    ("flow", "gap_p99_ms", "Gap between tokens p99, 50 streams, ms"),
    ("flow", "cpu_s_1k_total", "CPU seconds for 1000 tokens, 50 streams"),
    ("burst", "tokens_a_s", "Burst, one stream, tokens/s"),
)


def draw(found: Sequence[Figure], path: Path) -> list[Path]:
    """Write the picture; nothing where matplotlib is not installed or there is nothing to show."""
    if importlib.util.find_spec("matplotlib") is None:
        return []
    from matplotlib.figure import Figure as Canvas  # of the `bench` extra only

    figures = collect(found)
    bars = [bar for bar in BARS if bar[0] in figures]
    count = len(bars) + ("breaking" in figures)
    if not count:
        return []
    rows = -(-count // 2)
    canvas = Canvas(figsize=(12, 3.2 * rows), layout="constrained")
    axes = canvas.subplots(rows, 2, squeeze=False).flat
    for (scenario, name, title), axis in zip(bars, axes, strict=False):
        _bars(axis, figures, scenario, name)
        axis.set_title(title, fontsize=10)
    if "breaking" in figures:
        _breaking(axes[len(bars)], figures)
    for axis in list(axes)[count:]:
        axis.set_axis_off()
    canvas.savefig(path, dpi=110)
    return [path]


def _bars(axis: Any, figures: Table, scenario: str, name: str) -> None:
    """A bar a system, a whisker from the lowest round to the highest. The provider is the ideal, not a system."""
    shown = {system: of[name] for system, of in figures[scenario].items() if name in of and system != "direct"}
    medians = [value.median for value in shown.values()]
    low = [value.median - value.low for value in shown.values()]
    high = [value.high - value.median for value in shown.values()]
    colors = ["tab:blue" if system == "aomi" else "tab:gray" for system in shown]
    axis.barh(list(shown), medians, xerr=[low, high], color=colors, capsize=3)
    axis.invert_yaxis()


def _breaking(axis: Any, figures: Table) -> None:
    """The slowest stream by the number of streams, a line for each way of running the worker."""
    lines: dict[str, list[tuple[int, float]]] = {}
    for system, of in figures["breaking"].items():
        streams, _, kind = system.partition(" streams, ")
        lines.setdefault(kind, []).append((int(streams), of["ratio_max"].median if "ratio_max" in of else float("nan")))
    for kind, points in lines.items():
        axis.plot(*zip(*points, strict=True), marker="o", label=kind)
    axis.set_title("Slowest stream, times its ideal, by streams", fontsize=10)
    axis.legend()
