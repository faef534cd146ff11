"""A client that reads a turn to its end, whatever breaks off its stream."""

from __future__ import annotations

import contextlib
from typing import Any

import httpx

from tests.support.client import Client, Event
from tests.support.patience import until


def read_to_the_end(client: Client, body: dict[str, Any], events: list[Event] | None = None) -> list[Event]:
    """All events of a turn, added to `events` as they come: the stream, resumed while it breaks off without an end."""
    events = [] if events is None else events
    last = read("POST", "/api/chat?ids=1", client, events, json=body)
    while not events or events[-1]["type"] not in ("complete", "error"):
        until(lambda: answers(client), 20, "Redis to be back")
        last = read("GET", "/api/chat", client, events, headers={"Last-Event-ID": last or "0"}) or last
    return events


def read(method: str, path: str, client: Client, events: list[Event], **request: Any) -> str | None:
    """Add what a stream brings until it ends or breaks off; returns the last event's id."""
    last = None
    with (
        contextlib.suppress(httpx.TransportError, AssertionError),
        client.streaming(method, path, **request) as stream,
    ):
        for event in stream.events():
            events.append(event)
            last = stream.ids[-1]
    return last


def answers(client: Client) -> bool:
    """Whether a request that needs Redis is answered."""
    try:
        return client.get("/api/session/models").status_code == 200
    except httpx.TransportError:
        return False
