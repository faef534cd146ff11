"""What is measured, one file a subject. A scenario is a coroutine function of a `Bench`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from benchmarks.bench import Bench
from benchmarks.scenarios import first, flow, latency, relay, scale

Scenario = Callable[[Bench], Awaitable[None]]

SCENARIOS: dict[str, Scenario] = {
    "first": first.first,
    "burst": first.burst,
    "flow": flow.flow,
    "interrupts": flow.interrupts,
    "breaking": flow.breaking,
    "sustained": flow.sustained,
    "latency": latency.latency,
    "relay": relay.relay,
    "dialects": relay.dialects,
    "sessions": relay.sessions,
    "scale": scale.scale,
    "history": scale.history,
    "branches": scale.branches,
    "start": scale.start,
}
"""By the name that ONLY= takes, in the order of a whole run."""
