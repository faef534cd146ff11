"""`make bench-profile`: where web and worker spend their CPU at the load of `flow`, by py-spy.

Only threads that hold the GIL are sampled: those are what the process's one core goes to. A line is a share of the
samples; `self` is the function at the top, `with callees` any function on the stack of this house, RQ, or litellm.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil

from benchmarks.bench import Bench, Sizes
from benchmarks.stack import Processes

LOADS = 5
SECONDS = 15
RATE = 50
"""Samples a second: py-spy stops the process for each, and one with a hundred threads for long."""
SHOWN = 40


async def profile() -> dict[str, Counter[tuple[str, ...]]]:
    """How often each stack was seen, by kind of process."""
    with Processes() as processes:
        bench = Bench(processes, Sizes(), 1)
        await bench.aomi.load("burst-10", 10, 0.2)
        pids = {"worker": bench.backend.pids["worker"][0], "web": _served(bench.backend.pids["web"][0])}
        files = {kind: processes.folder / f"{kind}.raw" for kind in pids}
        spies = [_spy(processes, pids[kind], files[kind]) for kind in pids]
        await asyncio.sleep(1)
        for _ in range(LOADS):
            await bench.aomi.load(bench.sizes.paced, bench.sizes.streams, 1.0)
        for spy in spies:
            await asyncio.to_thread(spy.wait)
        return {kind: _stacks(file) for kind, file in files.items()}


def _served(master: int) -> int:
    return int(psutil.Process(master).children()[0].pid)  # gunicorn's own process only watches


def _spy(processes: Processes, pid: int, file: Path) -> subprocess.Popen[str]:
    program = str(Path(sys.executable).parent / "py-spy")
    options = ("--gil", "--rate", str(RATE), "--duration", str(SECONDS), "--format", "raw", "--output", str(file))
    return processes.start(f"spy-{pid}", program, "record", *options, "--threads", "--pid", str(pid))


def _stacks(file: Path) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for line in file.read_text().splitlines():
        frames, _, count = line.rpartition(" ")
        found[tuple(frames.split(";"))] += int(count)
    return found


def table(stacks: Counter[tuple[str, ...]]) -> str:
    """Shares by thread, by function with all it calls, and by function alone."""
    threads: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    own: Counter[str] = Counter()
    for stack, count in stacks.items():
        threads[_thread(stack[0])] += count
        functions = [_function(frame) for frame in stack[1:]]
        whole.update(dict.fromkeys(functions, count))
        own[functions[-1] if functions else "nothing of Python"] += count
    total = stacks.total()
    parts = {"threads": threads, "with callees": whole, "self": own}
    return "\n".join(f" {name}\n{_lines(counted, total)}" for name, counted in parts.items())


def _thread(frame: str) -> str:
    name = frame.partition(": ")[2] or "main"
    return name.rstrip("0123456789").rstrip("_")  # threads of one pool as one


def _function(frame: str) -> str:
    name, _, place = frame.rpartition(" (")
    return f"{name} ({place.rpartition(':')[0]})"


def _lines(counted: Counter[str], total: int) -> str:
    return "\n".join(f"  {100 * count / total:5.1f} %  {what}" for what, count in counted.most_common(SHOWN))


if __name__ == "__main__":
    for kind, stacks in asyncio.run(profile()).items():
        print(f"{kind}: {stacks.total()} samples\n{table(stacks)}\n")
