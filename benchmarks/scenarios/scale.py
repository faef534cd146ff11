"""More processes, longer histories, and how long processes take to start."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.bench import Bench
from benchmarks.figures import Figures, of_cpu, of_streams
from benchmarks.load import open_stream
from benchmarks.processes import ROOT, Processes
from benchmarks.stack import Backend
from benchmarks.stats import percentile
from benchmarks.systems import post
from benchmarks.usage import measured

MODELS = {"window": "window.burst-10", "all": "all.burst-10"}


async def scale(bench: Bench) -> None:
    """One load on one to two web and one to two worker processes."""
    sizes = bench.sizes
    for webs, workers in sizes.scale:
        with Processes() as processes:
            backend = bench.start(processes, webs, workers, AOMI_WORKER_THREADS=str(sizes.crowd))
            system = bench.served(backend)
            await system.load("burst-10", 10, 0.2)
            for number in bench.rounds(f"scale: {webs} web, {workers} worker, {sizes.crowd} streams"):
                load = await system.load(sizes.paced, sizes.crowd, sizes.over)
                figures = of_streams(load.streams, sizes.tokens, sizes.ideal)
                name = f"{webs} web, {workers} worker"
                bench.record("scale", name, number, figures | of_cpu(load.cpu, figures["tokens"]))


async def history(bench: Bench) -> None:
    """A turn behind so many messages: `window`, where the prompt is cut to the same tokens; `all`, where it grows."""
    with Processes() as processes:
        backend = bench.start(processes)
        driver = bench.driver(processes, backend)
        for number in bench.rounds("history"):
            for kind, model in MODELS.items():
                for messages in bench.sizes.history:
                    ids = await driver.ask(do="history", messages=messages, sessions=bench.sizes.history_turns + 1)
                    figures = await _behind(backend, ids, model)
                    bench.record("history", f"{kind}, {messages} messages", number, figures)


async def branches(bench: Bench) -> None:
    """A turn behind few messages, and behind many in many branches, of which the prompt has the same tokens."""
    with Processes() as processes:
        backend = bench.start(processes)
        driver = bench.driver(processes, backend)
        for number in bench.rounds("branches"):
            for messages, count in bench.sizes.branches:
                sessions = bench.sizes.history_turns + 1
                ids = await driver.ask(do="branched", messages=messages, branches=count, sessions=sessions)
                figures = await _behind(backend, ids, MODELS["window"])
                bench.record("branches", f"{messages} messages, {count} branches", number, figures)


async def _behind(backend: Backend, ids: list[str], model: str) -> Figures:
    """First token and CPU of a turn in each session; the first one is not counted."""
    requests = [
        post(backend.ports[0], "/api/chat", {"text": "hello", "model": model}, {"X-Session-Id": one}) for one in ids
    ]
    await open_stream(requests.pop())
    with measured(backend.pids) as spent:
        streams = [await open_stream(request) for request in requests]
    first = [1000 * (stream.first - stream.began) for stream in streams if stream.tokens]
    each = {f"{name}_cpu_ms": 1000 * cpu / len(streams) for name, cpu in spent.cpu.items()}
    return {"ttft_p50_ms": percentile(first, 0.5), "ttft_p95_ms": percentile(first, 0.95)} | each


async def start(bench: Bench) -> None:
    """From the command to a web that answers, to a worker that takes jobs, and to litellm imported and no more."""
    for number in bench.rounds("start"):
        with Processes() as processes:
            backend = bench.start(processes, webs=0, workers=0)
            figures = {}
            for name, begin in (("web_s", backend.web), ("worker_s", backend.worker), ("import_litellm_s", _import)):
                began = time.monotonic()
                begin()
                figures[name] = time.monotonic() - began
            bench.record("start", "aomi", number, figures)


def _import() -> None:
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    subprocess.run([sys.executable, "-c", "import litellm"], cwd=ROOT, env=environment, check=True)
