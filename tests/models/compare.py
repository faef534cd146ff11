"""How events are compared: cases/README.md has the rules in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Event = Mapping[str, Any]
ANY = "*"


def normal(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Neighbouring text as one; the results of a reply in the order of its calls."""
    found: list[dict[str, Any]] = []
    for event in events:
        if event["type"] == "text" and found and found[-1]["type"] == "text":
            found[-1]["content"] += event["content"]
        else:
            found.append(dict(event))
    order = [event["call_id"] for event in found if event["type"] == "tool_call"]
    return _in_order(found, order)


def match(events: list[dict[str, Any]], expected: Iterable[Event]) -> bool:
    """Whether normal events are the expected ones."""
    expected = list(expected)
    return len(events) == len(expected) and all(map(_is, events, expected))


def shape(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Normal events without what differs from run to run: to hold one stream mode against the other."""
    return [{name: value for name, value in event.items() if name != "call_id"} for event in normal(events)]


def faults_of_calls(events: Iterable[Event]) -> list[str]:
    """What is wrong with the ids of calls and results, and with the end."""
    events = list(events)
    calls = [event["call_id"] for event in events if event["type"] == "tool_call"]
    results = [event["call_id"] for event in events if event["type"] == "tool_result"]
    found = [] if len(set(calls)) == len(calls) else [f"calls with the same id: {calls}"]
    if sorted(results) != sorted(calls) and events[-1]["type"] == "complete":
        found.append(f"calls {calls} have results {results}")
    if [place for place, event in enumerate(events, 1) if event["type"] in ("complete", "error")] != [len(events)]:
        found.append("there is not exactly one terminal event, at the end")
    return found


def _is(event: dict[str, Any], expected: Event) -> bool:
    if expected["type"] == "complete":
        return event == expected
    return all(name in event and _equal(event[name], value) for name, value in expected.items())


def _equal(value: Any, expected: Any) -> bool:
    if expected == ANY:
        return True
    if isinstance(expected, dict) and isinstance(value, dict):
        return value.keys() == expected.keys() and all(_equal(value[name], expected[name]) for name in expected)
    return value == expected and type(value) is type(expected)


def _in_order(events: list[dict[str, Any]], order: list[str]) -> list[dict[str, Any]]:
    """Each run of results sorted by the place of its call."""
    found: list[dict[str, Any]] = []
    run: list[dict[str, Any]] = []
    for event in [*events, None]:
        if event is not None and event["type"] == "tool_result":
            run.append(event)
            continue
        found += sorted(run, key=lambda one: order.index(one["call_id"]) if one["call_id"] in order else len(order))
        run = []
        if event is not None:
            found.append(event)
    return found
