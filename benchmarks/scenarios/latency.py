"""Redis far away, as in another zone: how many round trips lie between a message and its first token, and its stop."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.processes import Processes
from benchmarks.scenarios.first import WARM_UP, first_tokens
from benchmarks.scenarios.flow import stops
from benchmarks.stats import median, percentile


async def latency(bench: Bench) -> None:
    """The first token of one client, and interrupts, with Redis so many milliseconds away each way.

    `round_trips` is the time to the first token in round trips to Redis, the provider's own and all work included.
    """
    for delay in bench.sizes.delays_ms:
        with Processes() as processes:
            system = bench.served(bench.start(processes, redis_delay_ms=delay))
            await first_tokens(system, WARM_UP)
            for number in bench.rounds("latency"):
                took = await first_tokens(system, bench.sizes.turns)
                stopped, _ = await stops(system.ports[0], bench.sizes)
                figures = {"ttft_p50_ms": median(took), "ttft_p95_ms": percentile(took, 0.95)}
                figures |= {"stop_p50_ms": median(stopped), "stop_max_ms": max(stopped)}
                if delay:
                    figures["round_trips"] = median(took) / (2 * delay)
                bench.record("latency", f"{delay:g} ms each way", number, figures)
