"""One run of the benchmark: its progress, the systems under load, and every figure it has found."""

from __future__ import annotations

import importlib.util
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from benchmarks import stack
from benchmarks.figures import Figures
from benchmarks.peers import known as peers
from benchmarks.processes import Child, Processes
from benchmarks.sizes import Sizes
from benchmarks.stack import Backend
from benchmarks.systems import Looped, Served, System, chat_request, provider_request


@dataclass(frozen=True)
class Figure:
    """One figure of one round."""

    scenario: str
    system: str
    name: str
    round: int
    value: float


@dataclass
class Bench:
    """What scenarios are given."""

    processes: Processes
    sizes: Sizes
    repeats: int
    with_peers: bool = False
    found: list[Figure] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def rounds(self, scenario: str, most: int = 1000) -> Iterator[int]:
        """The numbers of the rounds, from 1, each told to whoever watches; at most `most` of them."""
        count = min(self.repeats, most)
        for number in range(1, count + 1):
            self.say(f"{scenario}: round {number} of {count}")
            yield number

    def say(self, what: str) -> None:
        """One line of progress."""
        print(f"[{time.monotonic() - self._began:6.1f} s] {what}", file=sys.stderr, flush=True)

    def record(self, scenario: str, system: str, round: int, figures: Figures) -> None:
        """Keep the figures of a round."""
        known = {name: value for name, value in figures.items() if not math.isnan(value)}
        self.found += [Figure(scenario, system, name, round, float(value)) for name, value in known.items()]
        shown = "  ".join(f"{name} {value:.4g}" for name, value in known.items())
        self.say(f"  {system:15} {shown}")

    def raw(self) -> list[dict[str, Any]]:
        """Every figure as JSON has it."""
        return [asdict(figure) for figure in self.found]

    # what is measured

    @cached_property
    def provider(self) -> tuple[int, int]:
        """The fake provider's pid and port."""
        return stack.provider(self.processes)

    @cached_property
    def backend(self) -> Backend:
        """One web, one worker."""
        return self.start(self.processes)

    def start(
        self, processes: Processes, webs: int = 1, workers: int = 1, redis_delay_ms: float = 0, **environment: str
    ) -> Backend:
        """A Redis of its own, so many milliseconds away each way, with so many processes. A variable that is empty
        counts as not set."""
        self.say(f"starting redis, {webs} web, {workers} worker")
        environment = {name: value for name, value in environment.items() if value}
        backend = Backend(processes, self.provider[1], self.sizes.models, environment)
        if redis_delay_ms:
            backend.hold_back(redis_delay_ms)
        for _ in range(webs):
            backend.web()
        for _ in range(workers):
            backend.worker()
        return backend

    def driver(self, processes: Processes, backend: Backend) -> Child:
        """A process that does the worker's part by the product's own state code."""
        return processes.child("driver", "benchmarks.driver", **backend.environment)

    @cached_property
    def aomi(self) -> Served:
        """The backend as a system under load."""
        return self.served(self.backend)

    def served(self, backend: Backend) -> Served:
        """A backend as a system under load."""
        return Served("aomi", backend.ports, chat_request, backend.pids | {"provider": [self.provider[0]]})

    @cached_property
    def systems(self) -> list[System]:
        """The provider itself, the backend, the references that are installed, and peers if asked for."""
        pid, port = self.provider
        direct = Served("direct", [port], provider_request, {"provider": [pid]})
        loops = self._loops()  # they import litellm beside the worker
        known = [direct, self.aomi, *self.relay, *loops]
        if self.with_peers:
            known += peers.start(self.processes, self.provider, list(self.sizes.models), self.say)
        return known

    @cached_property
    def relay(self) -> list[System]:
        """The relay of FastAPI, where it is installed."""
        if importlib.util.find_spec("fastapi") is None:
            self.say("no FastAPI here: its relay is left out (make bench installs it)")
            return []
        base = f"http://127.0.0.1:{self.provider[1]}/v1"
        command = (sys.executable, "-m", "benchmarks.references.fastapi_relay", "--port", "{port}", "--provider", base)
        pid, port = self.processes.server("fastapi", *command)
        return [Served("fastapi", [port], chat_request, {"web": [pid], "provider": [self.provider[0]]})]

    def _loops(self) -> list[System]:
        base = f"http://127.0.0.1:{self.provider[1]}/v1"
        found: list[System] = []
        for name in self.sizes.loops:
            options = ("--quiet",) if name == "litellm-quiet" else ()
            loop = self.processes.child(name, "benchmarks.references.litellm_loop", "--provider", base, *options)
            found.append(Looped(name, loop, {"loop": [loop.pid], "provider": [self.provider[0]]}))
        return found
