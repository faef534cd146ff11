"""The lives of a session's threads: renewed a few at a time, and seldom, because a session may have thousands."""

from __future__ import annotations

from app.state import redis_keys
from app.state.scripts import Store

RENEWED_AT_ONCE = 100
"""Threads that one call renews, so that it does not block Redis for long."""


def renew(store: Store, session_id: str) -> None:
    """Let all threads of the session live as long as it does. Due once in a 32nd of AOMI_SESSION_TTL (see `settle`)."""
    first, args = 0, {"count": RENEWED_AT_ONCE, "ttl": store.settings.session_ttl}
    while store.call("renew_threads", [redis_keys.session(session_id)], args | {"first": first}) == RENEWED_AT_ONCE:
        first += RENEWED_AT_ONCE
