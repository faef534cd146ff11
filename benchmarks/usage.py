"""CPU and memory of processes, each with its children, as the kernel counts them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import psutil

Groups = Mapping[str, list[int]]
"""Process ids by what they are: web, worker, redis, ..."""


def cpu_seconds(pids: list[int]) -> float:
    """User and system time that the processes have had so far, and their children that have ended."""
    return _sum(pids, lambda process: sum(process.cpu_times()[:4]))


def pss_bytes(pids: list[int]) -> int:
    """Memory of the processes; a page that several share counts in parts, and
    not at all where the system knows no parts (macOS)."""

    def memory(process: psutil.Process) -> float:
        known = process.memory_full_info()
        return float(getattr(known, "pss", known.uss))

    return int(_sum(pids, memory))


def memory_mb(groups: Groups) -> float:
    """Memory of all groups but the provider, in MB (10^6 bytes)."""
    return sum(pss_bytes(pids) for name, pids in groups.items() if name != "provider") / 1e6


def _sum(pids: list[int], figure: Callable[[psutil.Process], float]) -> float:
    """Of the processes and those below them, but those that have just ended."""
    total = 0.0
    for process in _trees(pids):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += figure(process)
    return total


def _trees(pids: list[int]) -> Iterator[psutil.Process]:
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            yield process
            yield from process.children(recursive=True)


@dataclass
class Spent:
    """CPU seconds by group, filled in at the end of a `measured` block."""

    cpu: dict[str, float] = field(default_factory=dict)


@contextlib.contextmanager
def measured(groups: Groups) -> Iterator[Spent]:
    """What each group spends within the block."""
    before = {name: cpu_seconds(pids) for name, pids in groups.items()}
    spent = Spent()
    yield spent
    spent.cpu = {name: cpu_seconds(pids) - before[name] for name, pids in groups.items()}
