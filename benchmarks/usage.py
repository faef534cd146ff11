"""CPU and memory of processes, each with its children, as the kernel counts them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import psutil

Groups = Mapping[str, list[int]]
"""Process ids by what they are: web, worker, redis, ..."""


def cpu_seconds(pids: list[int]) -> float:
    """User and system time that the processes have had so far."""
    return sum(sum(process.cpu_times()[:2]) for process in _trees(pids))


def pss_bytes(pids: list[int]) -> int:
    """Memory of the processes; a page that several share counts in parts."""
    return sum(process.memory_full_info().pss for process in _trees(pids))


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
