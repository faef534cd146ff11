"""Client requests: something that a tool asks the client to do, such as to sign. A request is open until the client has
replied (see `RunStore.start`) or it has expired (see `request_expiry`)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from app import exact_json
from app.events import sse
from app.state import redis_keys
from app.state.clock import iso
from app.state.ids import new_id
from app.state.pairs import frame_pairs
from app.state.scripts import Store
from app.state.tools.open_requests import OpenRequest, last_number, open_requests
from app.state.turns.due import Due, set_due
from app.state.turns.run_records import Run

MAX_OPEN_REQUESTS = 16
"""Requests that may be open in one session."""

MAX_ECHOED_BYTES = 40 * 1024
"""Total size of open request bodies, URL-encoded: gen-1 clients send them back in every poll's query string."""

MAX_MAILBOX_EVENTS = 100
"""System events that wait for a gen-1 client; the newest are kept."""

_OPENED, _NO_SESSION = 1, -2


class TooManyOpen(Exception):
    """The client has not replied to the requests that are open."""


class TurnOver(Exception):
    """The turn that asks has ended."""


class ClientRequests:
    """The open requests of all sessions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._settings = store.settings

    def ask(self, run: Run, call_id: str, tool: str, kind: str, body: dict[str, Any]) -> OpenRequest:
        """Open a request to the client of a running turn, for a tool's call. Raises `TooManyOpen`, `TurnOver`."""
        while True:
            session = self._store.fields(redis_keys.session(run.session_id))
            if _too_many([*(request.body for request in open_requests(session)), body]):
                raise TooManyOpen
            request = self._request(run, last_number(session) + 1, (call_id, tool, kind), body)
            entry = member(run.session_id, request.id)
            set_due(self._store, Due(redis_keys.CLIENT_REQUESTS, entry, self._settings.client_request_ttl))
            code = self._open(run.session_id, request)
            if code == _OPENED:
                return request
            if code == _NO_SESSION:
                self._redis.zrem(redis_keys.CLIENT_REQUESTS, entry)
            if code < 0:
                raise TurnOver

    def fetch_events(self, session_id: str, count: int = MAX_MAILBOX_EVENTS) -> list[sse.Event]:
        """At most `count` events for a client that polls, oldest first, each delivered once: requests, and notices of
        their end."""
        args = {"count": count, "name": new_id("fetch"), "ttl": self._settings.fetch_ttl}
        events = self._store.call("fetch_mailbox", [redis_keys.session(session_id)], args)
        return [exact_json.loads(raw) for raw in events]

    def _request(self, run: Run, number: int, what: tuple[str, str, str], body: dict[str, Any]) -> OpenRequest:
        call_id, tool, kind = what
        now = self._store.clock.now()
        return OpenRequest(
            id=number,
            kind=kind,
            body=body,
            tool=tool,
            call_id=call_id,
            run_id=run.id,
            thread_id=run.thread_id,
            app=run.app,
            principal=run.principal,
            created_at=iso(now),
            expires_at=iso(now + timedelta(seconds=self._settings.client_request_ttl)),
        )

    def _open(self, session_id: str, request: OpenRequest) -> int:
        event = sse.client_request(session_id, request.kind, request.id, request.body, request.expires_at)
        args = {
            "run": request.run_id,
            "number": str(request.id),
            "request": request.stored(),
            "name": new_id("ask"),
            "event": exact_json.dumps(event),
            "updates": frame_pairs([event]),
        }
        return int(self._store.call("open_request", [redis_keys.session(session_id)], args | lives(self._store)))


def lives(store: Store) -> dict[str, int]:
    """The bounds and lives that the scripts of requests share."""
    return {
        "max_events": MAX_MAILBOX_EVENTS,
        "event_ttl": store.settings.log_ttl,
        "max_updates": store.settings.updates_kept,
        "ttl": store.settings.session_ttl,
    }


def member(session_id: str, number: int) -> str:
    """A request in the index of open ones."""
    return f"{session_id} {number}"


def _too_many(bodies: list[dict[str, Any]]) -> bool:
    echoed = len(quote(exact_json.dumps(bodies)))
    return len(bodies) > MAX_OPEN_REQUESTS or (len(bodies) > 1 and echoed > MAX_ECHOED_BYTES)
