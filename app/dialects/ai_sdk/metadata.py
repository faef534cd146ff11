"""The metadata of a turn's message: the same while it streams and after a reload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.state.turns.run_records import Run
from app.usage import Totals

Metadata = dict[str, Any]


def at_start(run: Run | None) -> Metadata:
    """The facts that are known before the first word."""
    return {"model": run.model} if run else {}


def at_end(run: Run | None) -> Metadata:
    """The facts that are known when the turn is over. Without `usage` no model was asked, or its calls are
    not counted yet."""
    if run is None:
        return {}
    times = {name: run.times[stored] for name, stored in _TIMES.items() if stored in run.times}
    used = run.usage
    return at_start(run) | times | ({"usage": _usage(used)} if used and not run.has_unsettled_calls else {})


def of_facts(facts: Mapping[str, Any], used: Totals | None) -> Metadata:
    """The same of a turn whose record is gone, out of the facts that its last message keeps."""
    times = {name: facts["times"][stored] for name, stored in _TIMES.items() if stored in facts["times"]}
    return {"model": facts["model"]} | times | ({"usage": _usage(used)} if used else {})


def client_tools(run: Run | None) -> frozenset[str]:
    """The names of the tools that the turn's client runs."""
    return frozenset(tool["function"]["name"] for tool in run.client_tools) if run else frozenset()


_TIMES = {"startedAt": "started_at", "endedAt": "ended_at"}


def _usage(used: Totals) -> Metadata:
    """In the words of the AI SDK."""
    return {
        "inputTokens": used.input,
        "outputTokens": used.output,
        "totalTokens": used.input + used.output,
        "cachedInputTokens": used.cached,
    }
