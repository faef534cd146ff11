"""Requests per minute of an API key, a user, a session and an address. Requests beyond a limit get 429.

Requests that change something are counted, messages above all. Reads are not counted with them, because front ends
poll and hold streams open; AOMI_READS_PER_MINUTE_ADDRESS limits them on their own. A stop counts as a read, so that
a client that sent too much can still stop it. A view that reads, and is about to write all the same, says so with
`count_as_write`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flask import Flask, g, request

from app.errors import BadRequest, TooManyRequests
from app.state.accounts.rates import Rate
from app.state.ids import sha256_hex
from app.web import session_ids
from app.web.access.caller import api_key_or_none
from app.web.access.users import check_request, has_owners, user_or_none
from app.web.address import address
from app.web.conventions import conventions
from app.web.current import services

NOT_COUNTED = frozenset({"health", "metrics", "docs", "openapi", "playground"})
"""Blueprints whose requests cost next to nothing, or come from the operator."""

STOP = "state.interrupt"

SCOPES = {
    "key": "with this API key",
    "user": "from this user",
    "session": "about this session",
    "address": "from this address",
    "reads": "from this address",
}
"""By kind of rate, for messages."""


def register(app: Flask) -> None:
    """Count the requests of `app` before its views run, if any limit is set."""
    app.before_request(_count)


def _count() -> None:
    if request.blueprint is None or request.blueprint in NOT_COUNTED or request.method == "OPTIONS":
        return
    if _reads():
        _take(_rates_of_reads())
    else:
        _take_writes()


def count_as_write() -> None:
    """Count a reading request, which is about to change something, as a writing one, too; once.

    Raises `TooManyRequests`, before anything has changed.
    """
    if _reads() and "counted_as_write" not in g:
        g.counted_as_write = True
        _take_writes()


def _reads() -> bool:
    return request.method in ("GET", "HEAD") or request.endpoint in (STOP, *conventions().stops)


def _take_writes() -> None:
    """With owners a session's requests are counted once they are known to be its owner's: else a stranger could use up
    the limit. The others are counted before, so that a stranger is limited, too."""
    if not has_owners():
        _take((*_rates_of_writes(), *_rate_of_session()))
        return
    _take(_rates_of_writes())
    if services().settings.requests_per_minute_session:
        check_request()
        _take(_rate_of_session())


def _take(counted: Iterable[Rate]) -> None:
    rates = [rate for rate in counted if rate.per_minute and rate.who]
    exceeded = services().rates.take(rates) if rates else None
    if exceeded:
        most, scope = exceeded.rate.per_minute, SCOPES[exceeded.rate.kind]
        message = f"Too many requests came {scope}: at most {most} a minute; try again in {exceeded.wait} s"
        raise TooManyRequests(message, exceeded.wait)


def _rates_of_reads() -> Iterator[Rate]:
    yield Rate("reads", address(), services().settings.reads_per_minute_address)


def _rates_of_writes() -> Iterator[Rate]:
    settings = services().settings
    if key := api_key_or_none():
        of_key = key.requests_per_minute
        yield Rate("key", key.id, settings.requests_per_minute_key if of_key is None else of_key)
    if user := user_or_none():
        of_user = user.requests_per_minute
        yield Rate("user", user.id, settings.requests_per_minute_user if of_user is None else of_user)
    yield Rate("address", address(), settings.requests_per_minute_address)


def _rate_of_session() -> Iterator[Rate]:
    if most := services().settings.requests_per_minute_session:
        yield Rate("session", _session_digest(), most)


def count_session(session_id: str) -> None:
    """Count a writing request that names its session in the body, where the hook does not look.

    Raises `TooManyRequests`, before anything has changed.
    """
    most = services().settings.requests_per_minute_session
    _take([Rate("session", sha256_hex(session_id.encode()), most)])


def _session_digest() -> str:
    """The digest of the session's id, '' when the request names no valid one: its view will refuse it. The counter in
    Redis outlives a deleted session by two minutes, so it must not contain the id itself."""
    try:
        in_path = (request.view_args or {}).get("session_id")
        session_id = session_ids.formed_session_id(in_path) if in_path else session_ids.named_session_id()
    except BadRequest:
        return ""
    return sha256_hex(session_id.encode()) if session_id else ""
