"""The web process alone: what a waiting client costs, and events on their way from Redis to clients."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping, Sequence

from benchmarks.bench import Bench
from benchmarks.figures import Figures
from benchmarks.listeners import Listener, listening
from benchmarks.load import Request
from benchmarks.processes import Child, Processes
from benchmarks.stack import Backend
from benchmarks.stats import percentile
from benchmarks.systems import get, post
from benchmarks.usage import measured, pss_bytes

ARRIVAL_SECONDS = 10.0
"""How long events may be under way. They count as lost then."""

Reader = Callable[[int, Sequence[str]], Request]
"""The request at a port that reads a turn: session, run, and its id for OpenAI's clients."""


def native(port: int, turn: Sequence[str]) -> Request:
    """The reference API's."""
    return get(port, "/api/chat", {"X-Session-Id": turn[0]})


def _ai_sdk(port: int, turn: Sequence[str]) -> Request:
    return get(port, f"/ai/chat/{turn[0]}/stream", {})


def _agui(port: int, turn: Sequence[str]) -> Request:
    return post(port, "/copilotkit/agent/default/connect", {"threadId": turn[0], "messages": []}, {})


def _responses(port: int, turn: Sequence[str]) -> Request:
    return get(port, f"/v1/responses/{turn[2]}?stream=true", {})


READERS: Mapping[str, Reader] = {"aomi": native, "AI SDK": _ai_sdk, "AG-UI": _agui, "OpenAI": _responses}
"""By dialect."""

UNREAD = ("web_us_an_event", "redis_us_an_event")
"""What events cost that nobody reads."""


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


async def dialects(bench: Bench) -> None:
    """The same events to clients of each dialect, and to nobody."""
    with Processes() as processes:
        backend = bench.start(processes, workers=0)
        driver = bench.driver(processes, backend)
        for number in bench.rounds("dialects"):
            for name, reader in READERS.items():
                bench.record("dialects", name, number, await events(bench, backend, driver, reader))
            figures = await events(bench, backend, driver, None)
            bench.record("dialects", "nobody", number, {name: figures[name] for name in UNREAD})


async def events(bench: Bench, backend: Backend, driver: Child, reader: Reader | None = native) -> Figures:
    """So many events a second to as many turns as there are listeners, each of which sends the request that `reader`
    makes (None: nobody listens)."""
    sizes = bench.sizes
    turns = await driver.ask(do="begin", turns=sizes.listeners)
    async with listening([reader(backend.ports[0], turn) for turn in turns] if reader else []) as listeners:
        with measured(backend.pids) as spent:
            said = await driver.ask(do="say", turns=turns, events=sizes.events, seconds=sizes.relay_seconds)
            await _arrival(listeners, said["events"])
        delays = [1000 * delay for listener in listeners for delay in listener.delays] or [0.0]
        await driver.ask(do="end", turns=turns)
    each = {f"{kind}_us_an_event": 1e6 * spent.cpu[kind] / said["events"] for kind in ("web", "redis")}
    lost = said["events"] - len(delays)
    return {"p50_ms": percentile(delays, 0.5), "p99_ms": percentile(delays, 0.99), "lost": lost, **each, **said}


async def _arrival(listeners: Sequence[Listener], events: int) -> None:
    """Wait for what is under way: half a second, and longer where the machine is behind."""
    give_up = time.monotonic() + ARRIVAL_SECONDS
    await asyncio.sleep(0.5)
    while listeners and sum(len(one.delays) for one in listeners) < events and time.monotonic() < give_up:
        await asyncio.sleep(0.05)


def _updates(backend: Backend) -> Request:
    return get(backend.ports[0], "/api/updates", {"X-Session-Id": str(uuid.uuid4())})
