"""One client: how long until the first token, one turn after another, and how fast tokens come when all are there."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.figures import of_cpu
from benchmarks.stats import median, percentile
from benchmarks.systems import System

WARM_UP = 5

BLOCK = 10
"""Turns of a system until the next one's: a machine that is slower for a minute is so for all of them."""


async def first(bench: Bench) -> None:
    """Time to the first token; `over_direct_p50_ms` is what lies above the provider's own."""
    for system in bench.systems:
        await first_tokens(system, WARM_UP)
    for number in bench.rounds("first"):
        took: dict[str, list[float]] = {system.name: [] for system in bench.systems}
        for done in range(0, bench.sizes.turns, BLOCK):
            for system in bench.systems:
                took[system.name] += await first_tokens(system, min(BLOCK, bench.sizes.turns - done))
        direct = median(took["direct"])
        for name, found in took.items():
            figures = {"ttft_p50_ms": median(found), "ttft_p95_ms": percentile(found, 0.95)}
            bench.record("first", name, number, figures | {"over_direct_p50_ms": median(found) - direct})


async def burst(bench: Bench) -> None:
    """Tokens a second of one stream whose provider has them all ready."""
    model = f"burst-{bench.sizes.burst}"
    for number in bench.rounds("burst"):
        for system in bench.systems:
            load = await system.load(model, 1, 0)
            (stream,) = load.streams
            seen = min(stream.tokens, bench.sizes.burst)
            figures = {"tokens_a_s": seen / (stream.ended - stream.began)}
            bench.record("burst", system.name, number, figures | of_cpu(load.cpu, seen))


async def first_tokens(system: System, turns: int) -> list[float]:
    """Milliseconds to the first token of so many turns, one after another; those without a token do not count."""
    streams = [(await system.load("burst-1", 1, 0)).streams[0] for _ in range(turns)]
    return [(stream.first - stream.began) * 1000 for stream in streams if stream.tokens]
