"""The web process alone: what a waiting client costs, and events on their way from Redis to clients."""

from __future__ import annotations

import asyncio
import uuid

from benchmarks.bench import Bench
from benchmarks.figures import Figures
from benchmarks.listeners import listening
from benchmarks.load import Request
from benchmarks.stack import Backend, Child, Processes
from benchmarks.stats import percentile
from benchmarks.systems import get
from benchmarks.usage import measured, pss_bytes


async def relay(bench: Bench) -> None:
    """Memory of an idle update stream; events with and without so many of those beside them."""
    sizes = bench.sizes
    for number in bench.rounds("relay"):
        with Processes() as processes:  # anew each time: memory that was let go stays with a process
            backend = bench.start(processes, workers=0)
            driver = bench.driver(processes, backend)
            bench.record("relay", "aomi", number, await events(bench, backend, driver))
            before = pss_bytes(backend.pids["web"])
            async with listening([_updates(backend) for _ in range(sizes.idle)]):
                each = (pss_bytes(backend.pids["web"]) - before) / 1024 / sizes.idle
                figures = await events(bench, backend, driver)
            beside = {f"{name}_beside_idle": value for name, value in figures.items()}
            bench.record("relay", "aomi", number, {"kb_an_idle_stream": each} | beside)


async def sessions(bench: Bench) -> None:
    """Events while more and more sessions exist."""
    with Processes() as processes:
        backend = bench.start(processes, workers=0)
        driver = bench.driver(processes, backend)
        there = 0
        for count in bench.sizes.sessions:
            there += await driver.ask(do="fill", sessions=count - there)
            for number in bench.rounds(f"sessions: {count}"):
                bench.record("sessions", f"{count} sessions", number, await events(bench, backend, driver))


async def events(bench: Bench, backend: Backend, driver: Child) -> Figures:
    """So many events a second to as many turns as there are listeners."""
    sizes = bench.sizes
    turns = await driver.ask(do="begin", turns=sizes.listeners)
    async with listening([_chat(backend, session_id) for session_id, _ in turns]) as listeners:
        with measured(backend.pids) as spent:
            said = await driver.ask(do="say", turns=turns, events=sizes.events, seconds=sizes.relay_seconds)
            await asyncio.sleep(0.5)  # what is under way arrives
        delays = [1000 * delay for listener in listeners for delay in listener.delays]
    each = {f"{kind}_us_an_event": 1e6 * spent.cpu[kind] / said["events"] for kind in ("web", "redis")}
    lost = said["events"] - len(delays)
    return {"p50_ms": percentile(delays, 0.5), "p99_ms": percentile(delays, 0.99), "lost": lost, **each, **said}


def _chat(backend: Backend, session_id: str) -> Request:
    return get(backend.ports[0], "/api/chat", {"X-Session-Id": session_id})


def _updates(backend: Backend) -> Request:
    return get(backend.ports[0], "/api/updates", {"X-Session-Id": str(uuid.uuid4())})
