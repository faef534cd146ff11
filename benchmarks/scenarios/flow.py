"""Many clients: even flow, CPU for a token, interrupts under load, and what happens when there are too many."""

from __future__ import annotations

import asyncio
import time
import uuid

from benchmarks.bench import Bench
from benchmarks.figures import Figures, ends, of_cpu, of_streams
from benchmarks.load import Request, Stream, open_all
from benchmarks.processes import Processes
from benchmarks.sizes import Sizes
from benchmarks.stats import percentile
from benchmarks.systems import Load, Served, post
from benchmarks.usage import memory_mb

ENOUGH_THREADS = 400

BROKEN = 3.0
"""A stream that takes so many times its ideal time: nobody need ask for more."""


async def flow(bench: Bench) -> None:
    """Fifty streams at reading speed, their starts spread over a second."""
    sizes = bench.sizes
    for system in bench.systems:
        await system.load("burst-10", min(sizes.streams, 10), 0.2)  # connections and threads are there
    for number in bench.rounds("flow"):
        for system in bench.systems:
            load = await system.load(sizes.paced, sizes.streams, sizes.over)
            memory = {"memory_mb": memory_mb(system.pids)} if system.name != "direct" else {}
            bench.record("flow", system.name, number, _figures(load, sizes) | memory)


def _figures(load: Load, sizes: Sizes) -> Figures:
    figures = of_streams(load.streams, sizes.tokens, sizes.ideal)
    return figures | of_cpu(load.cpu, figures["tokens"])


async def interrupts(bench: Bench) -> None:
    """At the load of `flow`: from the POST of an interrupt to the end of its stream at the client."""
    for number in bench.rounds("interrupts"):
        took, streams = await stops(bench.aomi.ports[0], bench.sizes)
        figures = {"p50_ms": percentile(took, 0.5), "max_ms": max(took)}
        bench.record("interrupts", "aomi", number, figures | ends(streams))


async def stops(port: int, sizes: Sizes) -> tuple[list[float], list[Stream]]:
    """Milliseconds from each interrupt to the end of its stream, and all streams."""
    ids = [str(uuid.uuid4()) for _ in range(sizes.streams)]
    body = {"text": "hello", "model": sizes.long}
    requests = [post(port, "/api/chat", body, {"X-Session-Id": session_id}) for session_id in ids]
    streams, asked = await asyncio.gather(open_all(requests, sizes.over), _interrupt(port, ids, sizes))
    return [(streams[place].ended - began) * 1000 for place, began in enumerate(asked)], streams


async def _interrupt(port: int, ids: list[str], sizes: Sizes) -> list[float]:
    """Interrupt the first sessions one after another once all streams flow; the moments of the POSTs."""
    await asyncio.sleep(sizes.over + 0.2)
    asked = []
    for session_id in ids[: sizes.interrupts]:
        asked.append(time.perf_counter())
        await _answer(post(port, f"/api/interrupt?session_id={session_id}", {}, {"Connection": "close"}))
        await asyncio.sleep(sizes.ideal / sizes.interrupts)
    return asked


async def _answer(request: Request) -> bytes:
    reader, writer = await asyncio.open_connection(request.host, request.port)
    writer.write(request.data)
    data = await reader.read()
    writer.close()
    return data


async def breaking(bench: Bench) -> None:
    """More and more streams, as the backend comes and with threads enough for all; stops where it has broken."""
    for threads in (None, ENOUGH_THREADS):
        with Processes() as processes:
            backend = bench.start(processes, AOMI_WORKER_THREADS=str(threads or ""))
            await _raise(bench, bench.served(backend), f"{threads or 'default'} threads")


async def sustained(bench: Bench) -> None:
    """More and more streams that flow for long: each begins while others flow, so the beginnings weigh little."""
    sizes = bench.sizes.longer
    with Processes() as processes:
        ours = bench.served(bench.start(processes, AOMI_WORKER_THREADS=str(ENOUGH_THREADS)))
        for system in (ours, *bench.relay):
            await system.load("burst-10", min(sizes.streams, 10), 0.2)
        for number in bench.rounds("sustained"):
            for count in sizes.sustained:
                for system in (ours, *bench.relay):
                    load = await system.load(sizes.paced, count, sizes.over)
                    bench.record("sustained", f"{system.name}, {count} streams", number, _figures(load, sizes))


async def _raise(bench: Bench, system: Served, name: str) -> None:
    sizes = bench.sizes
    for count in (sizes.streams, *sizes.more_streams):
        bench.say(f"breaking: {name}, {count} streams")
        began = time.perf_counter()
        load = await system.load(sizes.paced, count, sizes.over)
        seconds = time.perf_counter() - began
        figures = _figures(load, sizes) | ends(load.streams)
        cores = {f"cores_{kind}": spent / seconds for kind, spent in load.cpu.items()}
        bench.record("breaking", f"{count} streams, {name}", 1, figures | cores)
        if figures["ratio_max"] > BROKEN:
            break
