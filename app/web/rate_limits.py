"""How many requests a key, a session and an address may make in a minute; beyond, they get 429.

What changes something is counted: messages first of all. Who only looks is not, as front ends poll and hold streams
open; AOMI_READS_PER_MINUTE_ADDRESS bounds that apart. A stop is never refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask, request

from app.errors import BadRequest, TooManyRequests
from app.state.connection.store import digest
from app.state.rates import Rate
from app.web import parsing
from app.web.address import address
from app.web.current import services

FREE = frozenset({"health", "metrics", "docs", "openapi", "playground"})
"""Blueprints whose requests cost next to nothing, or come from the operator."""

STOP = "state.interrupt"

WHOSE = {
    "key": "with this API key",
    "session": "about this session",
    "address": "from this address",
    "reads": "from this address",
}


def register(app: Flask) -> None:
    """Count the requests of `app` before its views, where anything is limited."""
    app.before_request(_count)


def _count() -> None:
    if request.blueprint is None or request.blueprint in FREE or request.method == "OPTIONS":
        return
    reads = request.method in ("GET", "HEAD") or request.endpoint == STOP
    rates = [rate for rate in (_of_reading() if reads else _of_writing()) if rate.most and rate.who]
    exceeded = services().rates.take(rates) if rates else None
    if exceeded:
        most, whose = exceeded.rate.most, WHOSE[exceeded.rate.kind]
        words = f"Too many requests came {whose}: at most {most} a minute; try again in {exceeded.wait} s"
        raise TooManyRequests(words, exceeded.wait)


def _of_reading() -> Iterator[Rate]:
    yield Rate("reads", address(), services().settings.reads_per_minute_address)


def _of_writing() -> Iterator[Rate]:
    settings = services().settings
    if key := parsing.known_key():
        own = key.requests_per_minute
        yield Rate("key", key.id, settings.requests_per_minute_key if own is None else own)
    if settings.requests_per_minute_session:
        yield Rate("session", _session(), settings.requests_per_minute_session)
    yield Rate("address", address(), settings.requests_per_minute_address)


def _session() -> str:
    """The digest of the session that the request is about, '' if it names none that could be one: its view will say so.
    Its id itself would outlive a deletion by two minutes."""
    try:
        in_path = (request.view_args or {}).get("session_id")
        found = parsing.checked_session_id(in_path) if in_path else parsing.optional_session_id()
    except BadRequest:
        return ""
    return digest(found.encode()) if found else ""
